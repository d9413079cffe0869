/* Placement: systems written down as folders, and what is chosen on them. */
#include "tools/config/placement.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[] = "/tmp/mixminus-placement-XXXXXX";
static struct placement_host host;
static struct placement placement;

static void file_put(const char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes a line into a file under root, and makes the folders on its way. */
static void file_put(const char *text, const char *format, ...)
{
    char path[512];
    size_t n = (size_t)snprintf(path, sizeof path, "%s", root);
    va_list list;
    va_start(list, format);
    vsnprintf(path + n, sizeof path - n, format, list);
    va_end(list);
    for (char *p = strchr(path + n + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        mkdir(path, 0700);
        *p = '/';
    }
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "%s\n", text);
    fclose(f);
}

/* Nodes of four cores with two threads each: CPUs 0-3 and 8-11 are node 0's threads, as on many servers. */
static void machine_put(void)
{
    static const char *const dirs[] = {"/sys", "/proc"};
    char number[16];
    for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
        char path[512];
        snprintf(path, sizeof path, "rm -rf %s%s", root, dirs[i]);
        assert_int_equal(system(path), 0);
    }
    file_put("0-15", "/sys/devices/system/cpu/online");
    file_put("", "/sys/devices/system/cpu/isolated");
    file_put("0-1", "/sys/devices/system/node/online");
    file_put("0-3,8-11", "/sys/devices/system/node/node0/cpulist");
    file_put("4-7,12-15", "/sys/devices/system/node/node1/cpulist");
    file_put("performance", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    file_put("tsc", "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    for (int i = 0; i < 16; i++) {
        snprintf(number, sizeof number, "%d", i % 4);
        file_put(number, "/sys/devices/system/cpu/cpu%d/topology/core_id", i);
        file_put(i % 8 < 4 ? "0" : "1", "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", i);
    }
}

static void nic_put(void)
{
    file_put("1", "/sys/class/net/eth0/device/numa_node");
    file_put("0000", "/sys/class/net/eth0/queues/rx-0/rps_cpus");
    file_put("00f0", "/sys/class/net/eth0/queues/rx-1/rps_cpus");
    file_put("msix", "/sys/class/net/eth0/device/msi_irqs/30");
    file_put("msix", "/sys/class/net/eth0/device/msi_irqs/31");
    file_put("5", "/proc/irq/30/smp_affinity_list");
    file_put("0-15", "/proc/irq/31/smp_affinity_list");
    file_put("6", "/proc/irq/31/effective_affinity_list");
}

static void choose(unsigned n_workers, int numa)
{
    assert_int_equal(placement_read(&host, root, "eth0"), 0);
    assert_int_equal(placement_choose(&placement, &host, n_workers, numa), 0);
}

static void test_reads_what_is_there(void **state)
{
    machine_put();
    nic_put();
    assert_int_equal(placement_read(&host, root, "eth0"), 0);
    assert_int_equal(host.n_cpus, 16);
    assert_int_equal(host.cpus[13].node, 1);
    assert_int_equal(host.cpus[13].core, 1);
    assert_int_equal(host.n_nics, 1);
    assert_true(host.nics[0].has_media);
    assert_int_equal(host.nics[0].node, 1);
    assert_int_equal(host.nics[0].rx_queues, 2);
    assert_int_equal(host.nics[0].rps_queues, 1);
    assert_int_equal(host.nics[0].irqs, 2);
    assert_string_equal(host.nics[0].irq_cpus, "5-6");
    assert_string_equal(host.governor, "performance");
}

static void test_each_worker_has_a_core_of_one_node(void **state)
{
    machine_put();
    choose(3, PLACEMENT_NUMA_AUTO);
    assert_int_equal(placement.node, 0);
    assert_int_equal(placement.n_shared, 0);
    for (unsigned w = 0; w < 3; w++) {
        assert_int_equal(host.cpus[placement.workers[w]].node, 0);
        assert_int_not_equal(placement.workers[w], 0); /* CPU 0 does the system's chores */
    }
    /* What is left is the fourth core. */
    assert_true(placement.is_control_alone);
    assert_int_equal(placement.n_control, 2);
    assert_int_equal(host.cpus[placement.control[0]].core, host.cpus[placement.control[1]].core);
}

static void test_media_interface_draws_to_its_node(void **state)
{
    machine_put();
    nic_put();
    choose(2, PLACEMENT_NUMA_AUTO);
    assert_int_equal(placement.node, 1);
    assert_int_equal(placement.n_on_irq, 0); /* 4 and 7, not 5 and 6 */
    choose(4, PLACEMENT_NUMA_AUTO);
    assert_int_equal(placement.n_shared, 0);
    choose(2, 0);
    assert_int_equal(host.cpus[placement.workers[0]].node, 0);
}

static void test_isolated_cpus_are_for_workers(void **state)
{
    machine_put();
    file_put("2-3", "/sys/devices/system/cpu/isolated");
    choose(2, PLACEMENT_NUMA_AUTO);
    assert_int_equal(placement.workers[0], 2);
    assert_int_equal(placement.workers[1], 3);
    for (unsigned i = 0; i < placement.n_control; i++) {
        assert_false(host.cpus[placement.control[i]].isolated);
    }
}

static void test_more_workers_than_cores(void **state)
{
    machine_put();
    choose(12, PLACEMENT_NUMA_AUTO); /* no node is large enough: all of the machine */
    assert_int_equal(placement.node, -1);
    assert_int_equal(placement.n_shared, 4);
    assert_true(placement.is_control_alone);
    choose(40, PLACEMENT_NUMA_OFF);
    assert_int_equal(placement.n_workers, 40);
    assert_false(placement.is_control_alone);
    assert_true(placement.n_control > 0);
}

static void test_small_and_strange_machines(void **state)
{
    machine_put();
    file_put("0", "/sys/devices/system/cpu/online");
    choose(1, PLACEMENT_NUMA_AUTO);
    assert_int_equal(placement.workers[0], -1);
    assert_int_equal(placement_choose(&placement, &host, 1, 7), -EINVAL);
    file_put("0-1", "/sys/devices/system/cpu/online");
    choose(1, PLACEMENT_NUMA_AUTO);
    assert_int_equal(placement.workers[0], 1);
    assert_int_equal(placement.control[0], 0);
    file_put("0-4096", "/sys/devices/system/cpu/online");
    assert_int_equal(placement_read(&host, root, ""), -ENOENT);
    assert_int_equal(placement_read(&host, "/nonexistent", ""), -ENOENT);
}

static void test_words(void **state)
{
    char *text;
    size_t n;
    machine_put();
    nic_put();
    file_put("powersave", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    choose(8, 1);
    FILE *out = open_memstream(&text, &n);
    placement_print(out, &placement, &host);
    fclose(out);
    assert_non_null(strstr(text, "network: eth0 (media), node 1, 2 receive queues (1 spread by RPS), 2 interrupts on "
                                 "CPUs 5-6"));
    assert_non_null(strstr(text, "flags: --workers=8 --worker-cpus="));
    assert_non_null(strstr(text, "advice: 4 of 8 workers share a core; --workers=4"));
    assert_non_null(strstr(text, "advice: 2 workers are where network interrupts arrive"));
    assert_non_null(strstr(text, "advice: signalling shares a CPU"));
    assert_non_null(strstr(text, "advice: governor powersave"));
    free(text);
    int cpus[] = {1, 2, 3, 7, 9, 10};
    char list[64];
    assert_string_equal(placement_list(cpus, 6, list, sizeof list), "1-3,7,9-10");
}

static int root_make(void **state)
{
    return mkdtemp(root) ? 0 : -1;
}

static int root_drop(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_what_is_there),
        cmocka_unit_test(test_each_worker_has_a_core_of_one_node),
        cmocka_unit_test(test_media_interface_draws_to_its_node),
        cmocka_unit_test(test_isolated_cpus_are_for_workers),
        cmocka_unit_test(test_more_workers_than_cores),
        cmocka_unit_test(test_small_and_strange_machines),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, root_make, root_drop);
}
