/* Keys in INFO. See keypad.h. */
#include "sig/sip/keypad.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* The key itself, or from ten on the number that RFC 4733 3.2 gives it. @return 0: none */
static char key_of(const char *word, size_t n)
{
    static const char keys[] = "0123456789*#ABCD";
    if (n == 1) {
        char key = (char)toupper((unsigned char)*word);
        return key && strchr(keys, key) ? key : 0;
    }
    uint64_t number;
    return n == 2 && scan_number(word, n, sizeof keys - 2, &number) && number >= 10 ? keys[number] : 0;
}

char keypad_read(const struct sip_msg *msg)
{
    bool is_relay = strcmp(msg->content_type, "application/dtmf-relay") == 0;
    const char *p = msg->body, *end = p + msg->body_bytes;
    if ((!is_relay && strcmp(msg->content_type, "application/dtmf") != 0) || msg->body_bytes == 0) {
        return 0;
    }
    if (is_relay) {
        static const char name[] = "signal";
        for (; p < end && (size_t)(end - p) > sizeof name && strncasecmp(p, name, sizeof name - 1) != 0; p++) {
            p = memchr(p, '\n', (size_t)(end - p));
            if (!p) {
                return 0;
            }
        }
        if ((size_t)(end - p) <= sizeof name - 1) {
            return 0;
        }
        p += sizeof name - 1;
    }
    while (p < end && (*p == ' ' || *p == '=' || *p == '\t')) {
        p++;
    }
    const char *word = p;
    while (p < end && *p != '\r' && *p != '\n' && *p != ' ' && *p != '\t') {
        p++;
    }
    return key_of(word, (size_t)(p - word));
}
