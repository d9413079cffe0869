/*
 * The store that keeps nothing: signalling holds what lives in its own memory, and with the process the secret goes, so
 * no earlier URI verifies after a restart.
 */
#include "sig/store.h"

#include <errno.h>
#include <stdlib.h>

static int mem_open(void **state, const char *path)
{
    uint8_t *secret = malloc(KEYS_SECRET_BYTES);
    if (!secret) {
        return -ENOMEM;
    }
    int err = keys_random(secret, KEYS_SECRET_BYTES);
    if (err) {
        free(secret);
        return err;
    }
    *state = secret;
    return 0;
}

static void mem_close(void *state)
{
    keys_wipe(state, KEYS_SECRET_BYTES);
    free(state);
}

static int mem_begin(void *state)
{
    return 0;
}

static int mem_handle(void *state, const struct store_req *req, store_reply_fn reply, void *arg)
{
    const uint8_t *secret = state;
    if (req->op == STORE_LOAD) {
        struct store_reply r = {.answer = STORE_SECRET, .op = STORE_LOAD, .boots = 1};
        for (size_t i = 0; i < KEYS_SECRET_BYTES; i++) {
            r.secret[i] = secret[i];
        }
        reply(arg, &r);
        r = (struct store_reply){.answer = STORE_DONE, .op = STORE_LOAD};
        reply(arg, &r);
    }
    return 0;
}

const struct store_ops store_mem_ops = {mem_open, mem_close, mem_begin, mem_begin, mem_handle};
