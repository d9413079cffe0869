/* Names of methods, and reason phrases. */
#include "sig/sip/sip_priv.h"

static const char *const method_names[SIP_METHODS] = {"?",
#define X(name) #name,
                                                      SIP_METHOD_LIST(X)
#undef X
};

const char *sip_method_name(enum sip_method method)
{
    return method < SIP_METHODS ? method_names[method] : "?";
}

enum sip_method sip_method_named(const char *name)
{
    for (unsigned i = 1; i < SIP_METHODS; i++) {
        if (strcmp(name, method_names[i]) == 0) {
            return (enum sip_method)i;
        }
    }
    return SIP_UNKNOWN;
}

const char *sip_methods_text(uint32_t methods, char text[256])
{
    struct put put = {.text = text, .size = 256};
    text[0] = 0;
    for (unsigned i = 1; i < SIP_METHODS; i++) {
        if ((methods & sip_bit((enum sip_method)i)) != 0) {
            put_text(&put, put.n == 0 ? "" : ", ");
            put_text(&put, method_names[i]);
        }
    }
    return text;
}

const char *sip_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Trying"},
        {180, "Ringing"},
        {181, "Call Is Being Forwarded"},
        {182, "Queued"},
        {183, "Session Progress"},
        {199, "Early Dialog Terminated"},
        {200, "OK"},
        {202, "Accepted"},
        {204, "No Notification"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Moved Temporarily"},
        {305, "Use Proxy"},
        {380, "Alternative Service"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {407, "Proxy Authentication Required"},
        {408, "Request Timeout"},
        {410, "Gone"},
        {412, "Conditional Request Failed"},
        {413, "Request Entity Too Large"},
        {414, "Request-URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Unsupported URI Scheme"},
        {420, "Bad Extension"},
        {421, "Extension Required"},
        {422, "Session Interval Too Small"},
        {423, "Interval Too Brief"},
        {429, "Provide Referrer Identity"},
        {433, "Anonymity Disallowed"},
        {439, "First Hop Lacks Outbound Support"},
        {469, "Bad Info Package"},
        {480, "Temporarily Unavailable"},
        {481, "Call/Transaction Does Not Exist"},
        {482, "Loop Detected"},
        {483, "Too Many Hops"},
        {484, "Address Incomplete"},
        {485, "Ambiguous"},
        {486, "Busy Here"},
        {487, "Request Terminated"},
        {488, "Not Acceptable Here"},
        {489, "Bad Event"},
        {491, "Request Pending"},
        {493, "Undecipherable"},
        {500, "Server Internal Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Server Time-out"},
        {505, "Version Not Supported"},
        {513, "Message Too Large"},
        {580, "Precondition Failure"},
        {600, "Busy Everywhere"},
        {603, "Decline"},
        {604, "Does Not Exist Anywhere"},
        {606, "Not Acceptable"},
    };
    for (unsigned i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "";
}
