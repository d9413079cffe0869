/*
 * The store. Method: both back ends through the same messages; SQLite is closed, opened again and must give back the
 * secret and the conferences that were not dropped and have not expired. Row 30.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct loaded {
    uint8_t secret[KEYS_SECRET_BYTES];
    uint64_t boots;
    unsigned n_confs;
    struct store_conf last;
};

static void put(struct store *store, enum store_op op, char name, uint64_t expires_s)
{
    struct store_req req = {.op = op, .conf = {.created_s = 5, .expires_s = expires_s, .state = STORE_ACTIVE}};
    memset(req.conf.token, name, URI_TOKEN_CHARS);
    assert_int_equal(store_put(store, &req), 0);
}

static struct loaded load(struct store *store, uint64_t now_s)
{
    struct loaded l = {.boots = 0};
    struct store_req req = {.op = STORE_LOAD, .now_s = now_s};
    struct store_reply reply;
    struct timespec nap = {0, NS_PER_MS};

    assert_int_equal(store_put(store, &req), 0);
    for (unsigned ms = 0; ms < 5000; ms++) {
        while (store_take(store, &reply)) {
            assert_int_not_equal(reply.answer, STORE_FAILED);
            if (reply.answer == STORE_SECRET) {
                memcpy(l.secret, reply.secret, sizeof l.secret);
                l.boots = reply.boots;
            } else if (reply.answer == STORE_CONF) {
                l.n_confs++;
                l.last = reply.conf;
            } else {
                return l;
            }
        }
        nanosleep(&nap, NULL);
    }
    fail_msg("the store did not answer");
    return l;
}

static void test_memory(void **state)
{
    struct store *store;
    assert_int_equal(store_open(&store, "memory"), 0);
    struct loaded a = load(store, 10);
    put(store, STORE_PUT, 'a', 100);
    store_close(store);
    assert_int_equal(store_open(&store, "memory"), 0);
    struct loaded b = load(store, 10);
    assert_int_equal(b.n_confs, 0);
    assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
    store_close(store);
}

/* A36. */
static void test_sqlite_survives(void **state)
{
    char dir[] = "/tmp/mixminus-store-XXXXXX", path[64], spec[80];
    struct store *store;
    struct stat st;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/state.db", dir);
    snprintf(spec, sizeof spec, "sqlite:%s", path);
    assert_int_equal(store_open(&store, spec), 0);
    struct loaded a = load(store, 10);
    assert_int_equal(a.boots, 1);
    for (unsigned i = 0; i < 1000; i++) { /* more than one batch */
        put(store, STORE_PUT, 'a', 100);
    }
    put(store, STORE_PUT, 'b', 100);
    put(store, STORE_PUT, 'c', 20);
    put(store, STORE_DROP, 'b', 0);
    put(store, STORE_PUT, 'a', 200);
    store_close(store);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0); /* the secret is nobody else's to read */

    assert_int_equal(store_open(&store, spec), 0);
    struct loaded b = load(store, 50);
    assert_int_equal(b.boots, 2);
    assert_memory_equal(a.secret, b.secret, sizeof a.secret);
    assert_int_equal(b.n_confs, 1);
    assert_int_equal(b.last.token[0], 'a');
    assert_int_equal(b.last.expires_s, 200);
    assert_int_equal(b.last.created_s, 5);
    assert_int_equal(b.last.state, STORE_ACTIVE);
    store_close(store);

    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* What the telling of the policies says: their number, and the last one. Waits for it. */
static unsigned told(struct store *store, struct store_policy *last)
{
    struct timespec nap = {0, NS_PER_MS};
    struct store_reply reply;
    unsigned n = 0;
    for (unsigned ms = 0; ms < 10000; ms++) {
        while (store_take(store, &reply)) {
            assert_int_equal(reply.op, STORE_POLICIES);
            if (reply.answer == STORE_DONE) {
                return n;
            }
            assert_int_equal(reply.answer, STORE_POLICY_IS);
            *last = reply.policy;
            n++;
        }
        nanosleep(&nap, NULL);
    }
    fail_msg("nothing is told");
    return 0;
}

/* An operator's program writes: the server that asked once is told each time. */
static void test_policies_are_told(void **state)
{
    char dir[] = "/tmp/mixminus-store-XXXXXX", spec[80], command[128];
    struct store *server, *operator;
    struct store_req req = {.op = STORE_POLICIES};
    struct store_policy last;
    assert_non_null(mkdtemp(dir));
    snprintf(spec, sizeof spec, "sqlite:%s/state.db", dir);
    assert_int_equal(store_open(&server, spec), 0);
    load(server, 10);
    assert_int_equal(store_put(server, &req), 0);
    assert_int_equal(told(server, &last), 0);

    assert_int_equal(store_open(&operator, spec), 0);
    req.op = STORE_POLICY_PUT;
    req.policy =
        (struct store_policy){.key = "sales", .legs_max = 7, .is_locked = true, .has_pin = true, .pin = {1, 2}};
    assert_int_equal(store_put(operator, & req), 0);
    assert_int_equal(told(server, &last), 1);
    assert_string_equal(last.key, "sales");
    assert_int_equal(last.legs_max, 7);
    assert_true(last.is_locked && last.has_pin);
    assert_memory_equal(last.pin, req.policy.pin, sizeof last.pin);

    memset(req.policy.key, 'a', URI_TOKEN_CHARS); /* of a conference that there is not */
    req.policy.has_pin = false;
    assert_int_equal(store_put(operator, & req), 0);
    assert_int_equal(told(server, &last), 2);
    assert_string_equal(last.key, "sales");
    store_close(operator);

    put(server, STORE_PUT, 'a', 100); /* the conference, which ends: with it goes what was wished of it */
    put(server, STORE_DROP, 'a', 0);
    req.op = STORE_POLICIES;
    assert_int_equal(store_put(server, &req), 0);
    assert_int_equal(told(server, &last), 1);
    req.op = STORE_POLICY_DROP;
    strcpy(req.policy.key, "sales");
    assert_int_equal(store_put(server, &req), 0);
    req.op = STORE_POLICIES;
    assert_int_equal(store_put(server, &req), 0);
    assert_int_equal(told(server, &last), 0);
    store_close(server);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void test_refusals(void **state)
{
    struct store *store = NULL;
    assert_int_equal(store_open(&store, "oracle:x"), -EINVAL);
    assert_int_equal(store_open(&store, "memoryx"), -EINVAL);
    assert_int_equal(store_open(&store, "sqlite:/nonexistent/dir/file.db"), -ENOENT);

    char path[] = "/tmp/mixminus-notdb-XXXXXX", spec[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    char junk[4096];
    memset(junk, 'x', sizeof junk);
    assert_int_equal(write(fd, junk, sizeof junk), sizeof junk);
    close(fd);
    snprintf(spec, sizeof spec, "sqlite:%s", path);
    assert_int_equal(store_open(&store, spec), -EBADMSG);
    assert_int_equal(store_probe(spec), -EBADMSG);
    unlink(path);
}

/* A look makes nothing. */
static void test_probe(void **state)
{
    char dir[] = "/tmp/mixminus-probe-XXXXXX", spec[96], command[96];
    struct store *store;
    assert_non_null(mkdtemp(dir));
    snprintf(spec, sizeof spec, "sqlite:%s/store.db", dir);
    assert_int_equal(store_probe(spec), 0);
    assert_int_equal(access(spec + 7, F_OK), -1);
    assert_int_equal(store_open(&store, spec), 0);
    assert_int_equal(store_probe(spec), 0); /* while a server has it open */
    store_close(store);
    assert_int_equal(store_probe(spec), 0);
    assert_int_equal(store_probe("memory"), 0);
    assert_int_equal(store_probe("oracle:x"), -EINVAL);
    assert_int_equal(store_probe("sqlite:/nonexistent/dir/file.db"), -ENOENT);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

/* One server at a time; the lock goes with its last descriptor, so that it can be passed on. */
static void test_lock(void **state)
{
    char dir[] = "/tmp/mixminus-lock-XXXXXX", spec[96], command[96];
    int fd, second, holder;
    assert_non_null(mkdtemp(dir));
    snprintf(spec, sizeof spec, "sqlite:%s/store.db", dir);
    assert_int_equal(store_lock(&fd, spec, &holder), 0);
    assert_true(fd >= 0);
    assert_int_equal(store_lock(&second, spec, &holder), -EBUSY);
    assert_int_equal(holder, getpid());
    assert_int_equal(second, -1);
    int passed_on = dup(fd);
    close(fd);
    assert_int_equal(store_lock(&second, spec, &holder), -EBUSY);
    close(passed_on);
    assert_int_equal(store_lock(&fd, spec, &holder), 0);
    close(fd);
    assert_int_equal(store_lock(&fd, "memory", &holder), 0);
    assert_int_equal(fd, -1);
    assert_int_equal(store_lock(&fd, "sqlite:/nonexistent/dir/file.db", &holder), -ENOENT);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static struct store_reply ask(struct store *store, const struct store_req *req)
{
    struct store_reply reply = {.answer = STORE_FAILED};
    struct timespec nap = {0, NS_PER_MS};
    assert_int_equal(store_put(store, req), 0);
    for (unsigned ms = 0; ms < 5000 && !store_take(store, &reply); ms++) {
        nanosleep(&nap, NULL);
    }
    return reply;
}

/* The realm of the accounts survives. */
static void test_realm(void **state)
{
    char dir[] = "/tmp/mixminus-realm-XXXXXX", spec[96], command[96];
    struct store_req req = {.op = STORE_REALM};
    struct store_reply reply;
    struct store *store;
    assert_non_null(mkdtemp(dir));
    snprintf(spec, sizeof spec, "sqlite:%s/store.db", dir);
    assert_int_equal(store_open(&store, spec), 0);
    reply = ask(store, &req);
    assert_int_equal(reply.answer, STORE_REALM_IS);
    assert_false(reply.found);
    struct store_req put = {.op = STORE_REALM_PUT, .realm = "ims.example"};
    assert_int_equal(store_put(store, &put), 0);
    store_close(store);
    assert_int_equal(store_open(&store, spec), 0);
    reply = ask(store, &req);
    assert_true(reply.found);
    assert_string_equal(reply.realm, "ims.example");
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

static void doc_put(struct store *store, enum store_op op, enum store_doc_kind kind, const char *owner,
                    const char *name, const char *body)
{
    struct store_req req = {.op = op, .doc = {.kind = kind, .body = body ? strdup(body) : NULL}};
    strcpy(req.doc.owner, owner);
    strcpy(req.doc.name, name);
    assert_int_equal(store_put(store, &req), 0);
}

/* All documents, each as "kind owner name body;", in text. */
static void docs_list(struct store *store, char *text, size_t size)
{
    struct store_req req = {.op = STORE_DOCS};
    struct store_reply reply = ask(store, &req);
    struct timespec nap = {0, NS_PER_MS};
    *text = '\0';
    for (unsigned ms = 0; ms < 5000 && reply.answer != STORE_DONE; ms++) {
        assert_int_equal(reply.answer, STORE_DOC_IS);
        size_t n = strlen(text);
        snprintf(text + n, size - n, "%d %s %s %s;", reply.doc.kind, reply.doc.owner, reply.doc.name, reply.doc.body);
        free(reply.doc.body);
        while (!store_take(store, &reply)) {
            nanosleep(&nap, NULL);
        }
    }
}

static void docs_check(struct store *store)
{
    char text[4096];
    static char large[STORE_DOC_BYTES_MAX];
    doc_put(store, STORE_DOC_PUT, STORE_DOC_RULES, "bob", "", "{\"rules\":[]}");
    doc_put(store, STORE_DOC_PUT, STORE_DOC_BUDDIES, "bob", "", "{}");
    doc_put(store, STORE_DOC_PUT, STORE_DOC_RULES, "bob", "", "{\"rules\":1}"); /* in the place of the first */
    doc_put(store, STORE_DOC_PUT, STORE_DOC_GROUP, "", "g'1", "{}");
    doc_put(store, STORE_DOC_DROP, STORE_DOC_GROUP, "", "g'1", NULL);
    doc_put(store, STORE_DOC_DROP, STORE_DOC_GROUP, "", "g'1", NULL); /* twice is fine */
    memset(large, 'x', sizeof large - 1);
    doc_put(store, STORE_DOC_PUT, STORE_DOC_GROUP, "", "large", large);
    doc_put(store, STORE_DOC_DROP, STORE_DOC_GROUP, "", "large", NULL);
    docs_list(store, text, sizeof text);
    assert_non_null(strstr(text, "0 bob  {\"rules\":1};"));
    assert_non_null(strstr(text, "1 bob  {};"));
    assert_null(strstr(text, "g'1"));
    assert_int_equal(strlen(text), strlen("0 bob  {\"rules\":1};1 bob  {};"));
}

/* Documents: one a key, in both back ends. Those of SQLite survive; what
 * is asked for when the store is closed leaks nothing. Row 76. */
static void test_docs(void **state)
{
    char dir[] = "/tmp/mixminus-docs-XXXXXX", spec[96], command[160], text[4096];
    struct store_req req = {.op = STORE_DOCS};
    struct store *store;
    assert_int_equal(store_open(&store, "memory"), 0);
    docs_check(store);
    assert_int_equal(store_put(store, &req), 0); /* its replies are never taken */
    store_close(store);
    assert_non_null(mkdtemp(dir));
    snprintf(spec, sizeof spec, "sqlite:%s/store.db", dir);
    assert_int_equal(store_open(&store, spec), 0);
    docs_check(store);
    store_close(store);
    assert_int_equal(store_open(&store, spec), 0);
    docs_list(store, text, sizeof text);
    assert_non_null(strstr(text, "0 bob  {\"rules\":1};"));
    store_close(store);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_sqlite_survives),
        cmocka_unit_test(test_policies_are_told),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_realm),
        cmocka_unit_test(test_docs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
