/* Presence documents. See pidf.h. */
#include "sig/pres/pidf.h"

#include "sig/base/xml_read.h"

#include <errno.h>
#include <string.h>

#define PIDF_NS "urn:ietf:params:xml:ns:pidf"
#define RPID_NS "urn:ietf:params:xml:ns:pidf:rpid"
#define MODEL_NS "urn:ietf:params:xml:ns:pidf:data-model"

static const char *const activity_words[PIDF_ACTIVITIES] = {
#define X(name, word) word,
    PIDF_ACTIVITY_LIST(X)
#undef X
};

/* ---- reading ---- */

enum { BASIC_MAX = 8 };

struct reading {
    struct pidf *pidf;
    bool has_begun, has_root; /* its root is a presence document's */
    bool in_activities, in_note;
    char basic[BASIC_MAX + 1]; /* of the basic element that is open */
    bool in_basic;
    size_t n_text;
};

static bool is_word(const char *name, const char *word)
{
    return strcmp(name, word) == 0;
}

static void activity_take(struct reading *r, const char *name)
{
    for (unsigned i = 0; i < PIDF_ACTIVITIES; i++) {
        if (is_word(name, activity_words[i])) {
            r->pidf->activities |= 1u << i;
        }
    }
}

static void on_open(void *ctx, const char *space, const char *name, const void *attributes)
{
    struct reading *r = ctx;
    bool is_pidf = is_word(space, PIDF_NS);
    if (!r->has_begun) {
        r->has_begun = true;
        r->has_root = is_pidf && is_word(name, "presence");
        return;
    }
    if (is_pidf && is_word(name, "basic")) {
        r->in_basic = true;
        r->n_text = 0;
    } else if (is_word(name, "note") && !r->pidf->note[0]) { /* PIDF's, a tuple's or RPID's: the first */
        r->in_note = true;
        r->n_text = 0;
    } else if (is_word(space, RPID_NS) && is_word(name, "activities")) {
        r->in_activities = true;
    } else if (is_word(space, RPID_NS) && r->in_activities) {
        activity_take(r, name);
    }
}

static void on_close(void *ctx, const char *name)
{
    struct reading *r = ctx;
    if (r->in_basic && is_word(name, "basic")) {
        r->basic[MIN(r->n_text, (size_t)BASIC_MAX)] = '\0';
        const char *value = r->basic + strspn(r->basic, " \t\r\n");
        bool is_open = strncmp(value, "open", 4) == 0;
        r->pidf->has_basic |= is_open || strncmp(value, "closed", 6) == 0;
        r->pidf->is_open |= is_open;
        r->in_basic = false;
    } else if (r->in_note && is_word(name, "note")) {
        r->in_note = false;
    } else if (is_word(name, "activities")) {
        r->in_activities = false;
    }
}

static void text_take(char *to, size_t size, size_t *n, const char *text, size_t n_text)
{
    size_t put = MIN(n_text, size - 1 - *n);
    memcpy(to + *n, text, put);
    *n += put;
    to[*n] = '\0';
}

static void on_text(void *ctx, const char *text, size_t n)
{
    struct reading *r = ctx;
    if (r->in_basic) {
        text_take(r->basic, sizeof r->basic, &r->n_text, text, n);
    } else if (r->in_note) {
        text_take(r->pidf->note, sizeof r->pidf->note, &r->n_text, text, n);
    }
}

int pidf_read(struct pidf *pidf, const char *text, size_t n)
{
    *pidf = (struct pidf){.note = ""};
    struct reading r = {.pidf = pidf};
    int err = xml_read(text, n, &(struct xml_reader){&r, on_open, on_close, on_text});
    pidf->is_dnd = pidf->activities & 1u << PIDF_BUSY;
    return err ? err : r.has_root ? 0 : -EBADMSG;
}

/* Its elements are known by their names alone. */
static void on_setting(void *ctx, const char *space, const char *name, const void *attributes)
{
    struct reading *r = ctx;
    char active[8];
    r->has_root |= !r->has_begun && is_word(name, "poc-settings");
    r->has_begun = true;
    if (is_word(name, "incoming-session-barring") && xml_attribute(attributes, "active", active, sizeof active)) {
        r->pidf->is_dnd |= is_word(active, "true") || is_word(active, "1");
    }
}

static void on_setting_close(void *ctx, const char *name) {}

static void on_setting_text(void *ctx, const char *text, size_t n) {}

int pidf_settings_read(struct pidf *pidf, const char *text, size_t n)
{
    *pidf = (struct pidf){.note = ""};
    struct reading r = {.pidf = pidf};
    int err = xml_read(text, n, &(struct xml_reader){&r, on_setting, on_setting_close, on_setting_text});
    return err ? err : r.has_root ? 0 : -EBADMSG;
}

/* ---- writing ---- */

static void head_put(struct xml *x, const char *entity, bool has_person)
{
    xml_put(x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"" PIDF_NS "\"");
    if (has_person) {
        xml_put(x, " xmlns:dm=\"" MODEL_NS "\" xmlns:rpid=\"" RPID_NS "\"");
    }
    xml_put(x, " entity=\"");
    xml_text(x, entity);
    xml_put(x, "\">");
}

static void tuple_put(struct xml *x, const char *id, bool is_open, const char *contact)
{
    xml_put(x, "<tuple id=\"");
    xml_text(x, id);
    xml_putf(x, "\"><status><basic>%s</basic></status>", is_open ? "open" : "closed");
    xml_element(x, "contact", is_open ? contact : NULL);
    xml_put(x, "</tuple>");
}

void pidf_write(struct xml *x, const char *entity, const struct pidf_view *view)
{
    bool has_person = view->activities != 0;
    head_put(x, entity, has_person);
    tuple_put(x, "user", view->is_open, entity);
    for (unsigned i = 0; i < view->n_services; i++) {
        tuple_put(x, view->services[i].id, view->services[i].is_open, entity);
    }
    xml_element(x, "note", view->note);
    if (has_person) {
        xml_put(x, "<dm:person id=\"p\"><rpid:activities>");
        for (unsigned i = 0; i < PIDF_ACTIVITIES; i++) {
            if (view->activities & 1u << i) {
                xml_putf(x, "<rpid:%s/>", activity_words[i]);
            }
        }
        xml_put(x, "</rpid:activities></dm:person>");
    }
    xml_put(x, "</presence>\n");
}

void pidf_service_write(struct xml *x, const char *entity, const char *service, bool is_open)
{
    head_put(x, entity, false);
    tuple_put(x, service, is_open, entity);
    xml_put(x, "</presence>\n");
}
