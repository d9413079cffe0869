/*
 * Blocks for foreign libraries. Goal: a store gives what it has got, in a row while it is open and never from the heap
 * once it is sealed. Method: the guard of the media path, and addresses.
 */
#include "core/base/mem.h"
#include "tests/nomalloc.h"
#include "tests/unit/unit.h"

#include <stdint.h>
#include <string.h>

static void in_a_row(void **state)
{
    struct mem_store store;
    assert_int_equal(mem_store_open(&store, 2000), 0);
    assert_null(mem_store_use(&store));
    uint8_t *last = NULL;
    for (unsigned i = 0; i < 10; i++) {
        uint8_t *block = mem_block_get(100);
        assert_int_equal((uintptr_t)block % 16, 0);
        memset(block, 0xff, 100);
        assert_true(!last || block == last + 16 + 128);
        mem_block_put(mem_block_get(300)); /* the last is given back: the next goes there */
        last = block;
    }
    assert_ptr_equal(mem_store_use(NULL), &store);
    mem_store_close(&store);
}

static void grows_while_open(void **state)
{
    struct mem_store store;
    assert_int_equal(mem_store_open(&store, 0), 0);
    mem_store_use(&store);
    for (unsigned i = 0; i < 100; i++) {
        memset(mem_block_get(MEM_BLOCK_MAX), 0xff, MEM_BLOCK_MAX);
    }
    void *large = mem_block_get(MEM_BLOCK_MAX + 1); /* not the store's affair */
    memset(large, 0xff, MEM_BLOCK_MAX + 1);
    mem_block_put(large);
    mem_block_put(NULL);
    mem_store_use(NULL);
    mem_store_close(&store);
}

static void sealed(void **state)
{
    struct mem_store store;
    assert_int_equal(mem_store_open(&store, 4000), 0);
    assert_int_equal(mem_store_add(&store, 100), 0);
    assert_int_equal(mem_store_add(&store, 100), 0);
    assert_int_equal(mem_store_add(&store, 500), 0);
    mem_store_seal(&store);
    nomalloc_begin();
    mem_store_use(&store);
    void *a = mem_block_get(100), *b = mem_block_get(128), *c = mem_block_get(20);
    assert_true(a && b && c && a != b); /* c is the large one: the smallest that is left */
    assert_null(mem_block_get(1));
    mem_block_put(b);
    assert_null(mem_block_get(129));
    assert_ptr_equal(mem_block_get(97), b);
    mem_block_put(c);
    assert_null(mem_block_get(MEM_BLOCK_MAX + 1));
    assert_ptr_equal(mem_block_get(MEM_BLOCK_MAX), c);
    mem_store_use(NULL);
    nomalloc_end();
    mem_store_close(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_a_row),
        cmocka_unit_test(grows_while_open),
        cmocka_unit_test(sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
