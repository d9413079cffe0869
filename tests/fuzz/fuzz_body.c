/* Bodies of several parts, and lists of URIs. The first octet says which; what is found lies within what came. */
#include "core/base/base.h"
#include "sig/sip/multipart.h"
#include "sig/sip/uri_list.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    static struct uri_list list;
    struct multipart parts;
    const char *text = (const char *)bytes + 1;
    if (n_bytes == 0) {
        return 0;
    }
    if (bytes[0] & 1 && uri_list_read(&list, text, n_bytes - 1) == 0) {
        for (unsigned i = 0; i < list.n; i++) {
            must(list.uris[i] >= list.memory && list.uris[i] + strlen(list.uris[i]) < list.memory + URI_LIST_BYTES);
        }
    }
    const char *type = bytes[0] & 2 ? "multipart/alternative" : "multipart/mixed";
    if (!(bytes[0] & 1) && multipart_split(&parts, type, ";boundary=b", text, n_bytes - 1) == 0) {
        must(parts.n > 0 && parts.n <= MULTIPART_PARTS_MAX);
        for (unsigned i = 0; i < parts.n; i++) {
            const struct multipart_part *p = &parts.parts[i];
            must(p->body >= text && p->body + p->n_body <= text + n_bytes - 1);
        }
    }
    return 0;
}
