/*
 * Workers that are late are told of, and no oftener than once a minute (fault D5). Method: counters set by hand, lines
 * read back from a pipe.
 */
#include "core/ctl.h"
#include "sig/place/late.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static char text[8192];

/* Lines that were said since the last time; they are in text. */
static unsigned lines(int fd)
{
    ssize_t n = read(fd, text, sizeof text - 1);
    unsigned count = 0;
    text[n > 0 ? n : 0] = '\0';
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        count++;
    }
    return count;
}

static void said_once_a_minute(void **state)
{
    static struct ctl ctl;
    static struct worker_stats stats;
    static struct late late;
    struct place_cfg cfg = {.n_workers = 1, .workers[0] = &ctl, .port_min = 46900, .port_max = 46909};
    struct place *place;
    int fds[2];
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    struct log log = {.level = LOG_INFO, .fd = fds[1]};
    assert_int_equal(addr_parse(&cfg.host, "127.0.0.1", 0), 0);
    assert_int_equal(place_build(&place, &cfg), 0);
    uint64_t now_ms = 5000;
    late_look(&late, place, &log, now_ms); /* a worker without figures */
    ctl.stats = &stats;
    for (unsigned s = 0; s < 60; s++) { /* one in two hundred: nobody hears it */
        count_add(&stats.ticks, 1000);
        count_add(&stats.ticks_late, 5);
        late_look(&late, place, &log, now_ms += 1000);
    }
    assert_int_equal(lines(fds[0]), 0);
    unsigned n = 0;
    for (unsigned s = 0; s < 300; s++) {
        count_add(&stats.ticks, 1000);
        count_add(&stats.ticks_late, 50);
        count_add(&stats.ticks_skipped, s == 200);
        late_look(&late, place, &log, now_ms += 1000);
    }
    n = lines(fds[0]);
    assert_in_range(n, 4, 6);
    assert_non_null(strstr(text, "worker 0: of 10000 ticks in 10 s 500 began over 5 ms late"));
    for (unsigned s = 0; s < 120; s++) { /* it is over */
        count_add(&stats.ticks, 1000);
        late_look(&late, place, &log, now_ms += 1000);
    }
    assert_in_range(lines(fds[0]), 0, 1);
    count_add(&stats.ticks_skipped, 1); /* one that was given up is heard */
    late_look(&late, place, &log, now_ms + LATE_LOOK_MS);
    assert_int_equal(lines(fds[0]), 1);
    place_free(place);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(said_once_a_minute)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
