/* Bearer tokens. See tokens.h. */
#include "sig/http/tokens.h"

#include "sig/base/keys.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

struct token {
    char id[TOKEN_ID_CHARS + 1];
    char digest[KEYS_DIGEST_CHARS + 1];
    uint32_t scopes;    /* 1 << token_scope */
    uint64_t expires_s; /* 0: never */
};

struct tokens {
    unsigned n;
    struct token all[TOKENS_MAX];
};

static const char *const scope_words[TOKEN_SCOPES] = {
#define X(name, word, text) word,
    TOKEN_SCOPE_LIST(X)
#undef X
};

static bool is_hex(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") == n && text[n] == '\0';
}

/* @return bits of the scopes and of what each has besides | 0: one of them is none */
static uint32_t scopes_read(const char *text)
{
    uint32_t scopes = 0;
    while (*text) {
        size_t n = strcspn(text, ",");
        unsigned i = 0;
        while (i < TOKEN_SCOPES && (strlen(scope_words[i]) != n || strncmp(scope_words[i], text, n) != 0)) {
            i++;
        }
        if (i == TOKEN_SCOPES) {
            return 0;
        }
        scopes |= i == TOKEN_NODE ? 1u << i : (2u << i) - 1;
        text += n + (text[n] == ',');
    }
    return scopes;
}

/* --- The file ----------------------------------------------------------------------------------------------------- */

/* @return NULL: it is fine, or empty | what is wrong with it */
static const char *line_read(struct tokens *t, char *line)
{
    char *save = NULL, *end;
    line[strcspn(line, "#\r\n")] = '\0';
    char *id = strtok_r(line, " \t", &save), *digest = strtok_r(NULL, " \t", &save);
    char *scopes = strtok_r(NULL, " \t", &save), *expires = strtok_r(NULL, " \t", &save);
    if (!id) {
        return NULL;
    }
    if (!digest || !scopes || strtok_r(NULL, " \t", &save)) {
        return "a token has an id, a SHA-256, its scopes and perhaps when it expires";
    }
    if (!is_hex(id, TOKEN_ID_CHARS)) {
        return "the id of a token has 8 hexadecimal digits";
    }
    if (!is_hex(digest, KEYS_DIGEST_CHARS)) {
        return "the SHA-256 of a token has 64 hexadecimal digits";
    }
    if (t->n == TOKENS_MAX) {
        return "more tokens than the limit";
    }
    struct token *token = &t->all[t->n];
    *token = (struct token){.scopes = scopes_read(scopes)};
    if (!token->scopes) {
        return "the scopes of a token are metrics, read, operate, admin and node, by commas";
    }
    if (expires) {
        token->expires_s = strtoull(expires, &end, 10);
        if (*end != '\0' || !isdigit((unsigned char)*expires) || token->expires_s == 0) {
            return "a token expires at a Unix time in seconds";
        }
    }
    strcpy(token->id, id);
    strcpy(token->digest, digest);
    t->n++;
    return NULL;
}

int tokens_load(struct tokens **out, const char *path, char why[TOKENS_WHY_MAX])
{
    struct stat info;
    char line[1024];
    unsigned n_line = 0;
    FILE *file = fopen(path, "re");
    if (!file) {
        int err = -errno;
        snprintf(why, TOKENS_WHY_MAX, "%s: %s; mixminusctl token add makes one", path, strerror(-err));
        return err;
    }
    struct tokens *t = calloc(1, sizeof *t);
    int err = t ? 0 : -ENOMEM;
    if (!err && fstat(fileno(file), &info) == 0 && (info.st_mode & S_IWOTH)) {
        snprintf(why, TOKENS_WHY_MAX, "%s: everybody may write it, and so let themselves in; chmod o-w", path);
        err = -EACCES;
    }
    while (!err && fgets(line, sizeof line, file)) {
        n_line++;
        const char *wrong = line_read(t, line);
        if (wrong) {
            snprintf(why, TOKENS_WHY_MAX, "%s:%u: %s", path, n_line, wrong);
            err = -EINVAL;
        }
    }
    fclose(file);
    if (!err && t->n == 0) {
        snprintf(why, TOKENS_WHY_MAX, "%s has no token; mixminusctl token add makes one", path);
        err = -EINVAL;
    }
    if (err) {
        free(t);
        return err;
    }
    *out = t;
    return 0;
}

void tokens_free(struct tokens *tokens)
{
    free(tokens);
}

unsigned tokens_count(const struct tokens *tokens)
{
    return tokens->n;
}

/* --- Judging ------------------------------------------------------------------------------------------------------ */

static const struct token *find(const struct tokens *t, const char *id)
{
    for (unsigned i = 0; i < t->n; i++) {
        if (strncmp(t->all[i].id, id, TOKEN_ID_CHARS) == 0) {
            return &t->all[i];
        }
    }
    return NULL;
}

/* "mm_ID_SECRET" in its characters. */
static bool is_token(const char *text)
{
    size_t n = strlen(text);
    return n == TOKEN_TEXT_MAX - 1 && strncmp(text, "mm_", 3) == 0 && text[3 + TOKEN_ID_CHARS] == '_' &&
           strspn(text + 3, "0123456789abcdef") == TOKEN_ID_CHARS &&
           is_hex(text + 3 + TOKEN_ID_CHARS + 1, TOKEN_SECRET_CHARS);
}

enum token_verdict tokens_check(const struct tokens *t, const char *authorization, enum token_scope scope,
                                uint64_t now_s)
{
    static const char scheme[] = "Bearer ";
    char digest[KEYS_DIGEST_CHARS + 1];
    if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0) {
        return TOKEN_MISSING;
    }
    const char *text = authorization + sizeof scheme - 1;
    text += strspn(text, " ");
    if (!is_token(text) || keys_digest(KEYS_SHA256, text, strlen(text), digest) != 0) {
        return TOKEN_WRONG;
    }
    const struct token *token = find(t, text + 3);
    bool is_right = token && keys_equal(digest, token->digest, sizeof digest) &&
                    (token->expires_s == 0 || now_s < token->expires_s);
    if (!is_right) {
        return TOKEN_WRONG;
    }
    return token->scopes >> scope & 1 ? TOKEN_RIGHT : TOKEN_NARROW;
}

/* --- Making ------------------------------------------------------------------------------------------------------- */

static void hex_write(const uint8_t *bytes, size_t n, char *text)
{
    for (size_t i = 0; i < n; i++) {
        sprintf(text + 2 * i, "%02x", bytes[i]);
    }
}

int token_make(char text[TOKEN_TEXT_MAX], char line[TOKEN_LINE_MAX], const char *scopes, uint64_t expires_s)
{
    uint8_t draw[(TOKEN_ID_CHARS + TOKEN_SECRET_CHARS) / 2];
    char digest[KEYS_DIGEST_CHARS + 1], until[24] = "";
    if (scopes_read(scopes) == 0 || strlen(scopes) > 64) {
        return -EINVAL;
    }
    int err = keys_random(draw, sizeof draw);
    if (err) {
        return err;
    }
    memcpy(text, "mm_", 3);
    hex_write(draw, TOKEN_ID_CHARS / 2, text + 3);
    text[3 + TOKEN_ID_CHARS] = '_';
    hex_write(draw + TOKEN_ID_CHARS / 2, TOKEN_SECRET_CHARS / 2, text + 3 + TOKEN_ID_CHARS + 1);
    keys_wipe(draw, sizeof draw);
    err = keys_digest(KEYS_SHA256, text, strlen(text), digest);
    if (expires_s) {
        snprintf(until, sizeof until, " %llu", (unsigned long long)expires_s);
    }
    snprintf(line, TOKEN_LINE_MAX, "%.*s %s %s%s", TOKEN_ID_CHARS, text + 3, digest, scopes, until);
    return err;
}
