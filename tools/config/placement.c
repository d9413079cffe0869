/* Placement. See placement.h. */
#include "tools/config/placement.h"

#include "tools/config/options.h"

#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 512, TEXT_BYTES = 4096 };

/* ---- reading ---- */

/* First line of a file under root. @return false: not there, or empty */
static bool text_read(const char *root, const char *path, char *text, size_t size)
{
    char full[PATH_BYTES];
    snprintf(full, sizeof full, "%s%s", root, path);
    FILE *f = fopen(full, "r");
    bool got = f && fgets(text, (int)size, f);
    if (f) {
        fclose(f);
    }
    if (!got) {
        text[0] = '\0';
        return false;
    }
    text[strcspn(text, "\n")] = '\0';
    return text[0] != '\0';
}

static int number_read(const char *root, const char *path, int missing)
{
    char text[64];
    return text_read(root, path, text, sizeof text) ? atoi(text) : missing;
}

/* CPUs of a list file. @return how many, 0: no such file, or an empty list */
static unsigned cpus_read(const char *root, const char *path, int cpus[PLACEMENT_CPUS_MAX])
{
    char text[TEXT_BYTES];
    if (!text_read(root, path, text, sizeof text)) {
        return 0;
    }
    int n = options_cpus(cpus, PLACEMENT_CPUS_MAX, text);
    return n > 0 ? (unsigned)n : 0;
}

static void topology_read(struct placement_host *host, const char *root)
{
    for (int i = 0; i < host->n_cpus; i++) {
        struct placement_cpu *cpu = &host->cpus[i];
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/core_id", i);
        cpu->core = number_read(root, path, i);
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/physical_package_id", i);
        cpu->package = number_read(root, path, 0);
    }
    int nodes[PLACEMENT_CPUS_MAX], cpus[PLACEMENT_CPUS_MAX];
    unsigned n_nodes = cpus_read(root, "/sys/devices/system/node/online", nodes);
    for (unsigned k = 0; k < n_nodes; k++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d/cpulist", nodes[k]);
        unsigned n = cpus_read(root, path, cpus);
        for (unsigned i = 0; i < n; i++) {
            host->cpus[cpus[i]].node = nodes[k];
        }
    }
}

static void allowed_read(struct placement_host *host, const char *root)
{
    cpu_set_t set;
    bool known = root[0] == '\0' && sched_getaffinity(0, sizeof set, &set) == 0;
    for (int i = 0; i < host->n_cpus; i++) {
        host->cpus[i].allowed = !known || (i < CPU_SETSIZE && CPU_ISSET(i, &set));
    }
}

/* One interrupt: where it may go. Those that may go anywhere say nothing about a CPU. */
static void irq_read(struct placement_host *host, const char *root, struct placement_nic *nic, int irq)
{
    int cpus[PLACEMENT_CPUS_MAX];
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "/proc/irq/%d/effective_affinity_list", irq);
    unsigned n = cpus_read(root, path, cpus);
    if (n == 0) {
        snprintf(path, sizeof path, "/proc/irq/%d/smp_affinity_list", irq);
        n = cpus_read(root, path, cpus);
    }
    nic->irqs++;
    unsigned n_online = 0;
    for (int i = 0; i < host->n_cpus; i++) {
        n_online += host->cpus[i].online;
    }
    for (unsigned i = 0; i < n && n < n_online; i++) {
        host->cpus[cpus[i]].nic_irqs++;
    }
}

static void queues_read(const char *root, struct placement_nic *nic)
{
    char path[PATH_BYTES], mask[TEXT_BYTES];
    for (unsigned q = 0;; q++) {
        snprintf(path, sizeof path, "/sys/class/net/%s/queues/rx-%u/rps_cpus", nic->name, q);
        if (!text_read(root, path, mask, sizeof mask)) {
            return;
        }
        nic->rx_queues++;
        nic->rps_queues += mask[strspn(mask, "0,")] != '\0';
    }
}

/* Bridges, tunnels and the like have no device below them: interesting only if media is there. */
static bool nic_is_hardware(const char *root, const char *name)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.400s/sys/class/net/%.31s/device", root, name);
    return access(path, F_OK) == 0;
}

static void nic_read(struct placement_host *host, const char *root, const char *name, const char *media)
{
    struct placement_nic *nic = &host->nics[host->n_nics];
    char path[PATH_BYTES];
    snprintf(nic->name, sizeof nic->name, "%.*s", PLACEMENT_NAME - 1, name);
    snprintf(path, sizeof path, "/sys/class/net/%s/device/numa_node", nic->name);
    nic->node = number_read(root, path, -1);
    nic->has_media = strcmp(name, media) == 0;
    queues_read(root, nic);

    unsigned before[PLACEMENT_CPUS_MAX];
    for (int i = 0; i < host->n_cpus; i++) {
        before[i] = host->cpus[i].nic_irqs;
    }
    snprintf(path, sizeof path, "%.400s/sys/class/net/%s/device/msi_irqs", root, nic->name);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] != '.') {
            irq_read(host, root, nic, atoi(e->d_name));
        }
    }
    if (dir) {
        closedir(dir);
    }
    int cpus[PLACEMENT_CPUS_MAX];
    unsigned n = 0;
    for (int i = 0; i < host->n_cpus; i++) {
        if (host->cpus[i].nic_irqs > before[i]) {
            cpus[n++] = i;
        }
    }
    placement_list(cpus, n, nic->irq_cpus, sizeof nic->irq_cpus);
    host->n_nics++;
}

static int names_in_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void nics_read(struct placement_host *host, const char *root, const char *media)
{
    char path[PATH_BYTES], names[PLACEMENT_NICS_MAX][PLACEMENT_NAME];
    unsigned n = 0;
    snprintf(path, sizeof path, "%.400s/sys/class/net", root);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && n < PLACEMENT_NICS_MAX && (e = readdir(dir));) {
        if (e->d_name[0] != '.' && strcmp(e->d_name, "lo") != 0 && strlen(e->d_name) < PLACEMENT_NAME) {
            strcpy(names[n++], e->d_name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    qsort(names, n, sizeof names[0], names_in_order);
    for (unsigned i = 0; i < n; i++) {
        if (nic_is_hardware(root, names[i]) || strcmp(names[i], media) == 0) {
            nic_read(host, root, names[i], media);
        }
    }
}

int placement_read(struct placement_host *host, const char *root, const char *media)
{
    int cpus[PLACEMENT_CPUS_MAX];
    memset(host, 0, sizeof *host);
    unsigned n = cpus_read(root, "/sys/devices/system/cpu/online", cpus);
    if (n == 0) {
        return -ENOENT;
    }
    for (unsigned i = 0; i < n; i++) {
        host->cpus[cpus[i]].online = true;
        host->n_cpus = MAX(host->n_cpus, cpus[i] + 1);
    }
    topology_read(host, root);
    allowed_read(host, root);
    n = cpus_read(root, "/sys/devices/system/cpu/isolated", cpus);
    for (unsigned i = 0; i < n; i++) {
        host->cpus[cpus[i]].isolated = true;
    }
    nics_read(host, root, media);
    text_read(root, "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", host->governor, sizeof host->governor);
    text_read(root, "/sys/devices/system/clocksource/clocksource0/current_clocksource", host->clocksource,
              sizeof host->clocksource);
    return 0;
}

bool placement_interface(const struct addr *addr, char name[PLACEMENT_NAME])
{
    struct ifaddrs *all, *one;
    bool found = false;
    if (getifaddrs(&all) != 0) {
        return false;
    }
    for (one = all; one && !found; one = one->ifa_next) {
        struct addr a;
        if (one->ifa_addr && one->ifa_addr->sa_family == addr->sa.sa_family && !(one->ifa_flags & IFF_LOOPBACK)) {
            bool is_v4 = addr->sa.sa_family == AF_INET;
            memset(&a, 0, sizeof a);
            memcpy(&a, one->ifa_addr, is_v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
            found = (is_v4 || addr->sa.sa_family == AF_INET6) && addr_same_host(&a, addr);
            snprintf(name, PLACEMENT_NAME, "%.*s", PLACEMENT_NAME - 1, found ? one->ifa_name : "");
        }
    }
    freeifaddrs(all);
    return found;
}

/* ---- choosing ---- */

static bool is_usable(const struct placement_cpu *cpu, int node)
{
    return cpu->online && (cpu->allowed || cpu->isolated) && (node < 0 || cpu->node == node);
}

static unsigned usable_count(const struct placement_host *host, int node)
{
    unsigned n = 0;
    for (int i = 0; i < host->n_cpus; i++) {
        n += is_usable(&host->cpus[i], node);
    }
    return n;
}

/* Memory and packets of one node stay in it, as long as it has a CPU for every worker and one for signalling. */
static int node_choose(const struct placement_host *host, unsigned n_workers)
{
    int best = -1;
    unsigned n_best = 0;
    for (unsigned i = 0; i < host->n_nics; i++) {
        int node = host->nics[i].has_media ? host->nics[i].node : -1;
        if (node >= 0 && usable_count(host, node) > n_workers) {
            return node;
        }
    }
    for (int i = 0; i < host->n_cpus; i++) {
        unsigned n = usable_count(host, host->cpus[i].node);
        if (host->cpus[i].online && n > n_workers && n > n_best) {
            best = host->cpus[i].node;
            n_best = n;
        }
    }
    return best;
}

static bool core_is_taken(const struct placement_host *host, const struct placement *p, int cpu)
{
    for (unsigned w = 0; w < p->n_workers; w++) {
        const struct placement_cpu *a = &host->cpus[cpu], *b = &host->cpus[p->workers[w]];
        if (a->package == b->package && a->core == b->core && a->node == b->node) {
            return true;
        }
    }
    return false;
}

static bool cpu_is_taken(const struct placement *p, int cpu)
{
    for (unsigned w = 0; w < p->n_workers; w++) {
        if (p->workers[w] == cpu) {
            return true;
        }
    }
    return false;
}

/* @return the best CPU for one more worker, -1: none is left */
static int worker_cpu(const struct placement_host *host, const struct placement *p)
{
    int best = -1, best_score = -1;
    for (int i = 0; i < host->n_cpus; i++) {
        const struct placement_cpu *cpu = &host->cpus[i];
        if (!is_usable(cpu, p->node) || cpu_is_taken(p, i)) {
            continue;
        }
        int score = 8 * cpu->isolated + 4 * !core_is_taken(host, p, i) + 2 * (cpu->nic_irqs == 0) + (i != 0);
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

static void control_choose(struct placement *p, const struct placement_host *host)
{
    /* First choice: whole cores of its own, then siblings of workers, then, sharing, what is not isolated. */
    for (int choice = 0; choice < 3 && p->n_control == 0; choice++) {
        for (int i = 0; i < host->n_cpus; i++) {
            const struct placement_cpu *cpu = &host->cpus[i];
            bool fits = is_usable(cpu, p->node) && !cpu->isolated &&
                        (choice == 2 || (!cpu_is_taken(p, i) && (choice == 1 || !core_is_taken(host, p, i))));
            if (fits) {
                p->control[p->n_control++] = i;
            }
        }
        p->is_control_alone = choice < 2;
    }
}

int placement_choose(struct placement *p, const struct placement_host *host, unsigned n_workers, int numa)
{
    memset(p, 0, sizeof *p);
    p->node = numa == PLACEMENT_NUMA_AUTO ? node_choose(host, n_workers) : numa == PLACEMENT_NUMA_OFF ? -1 : numa;
    unsigned n = usable_count(host, p->node);
    if (n == 0) {
        return -EINVAL;
    }
    n_workers = MIN(n_workers, (unsigned)PLACEMENT_CPUS_MAX);
    if (n == 1) {
        for (unsigned w = 0; w < n_workers; w++) {
            p->workers[p->n_workers++] = -1;
        }
        return 0;
    }
    for (unsigned w = 0; w < n_workers; w++) {
        int cpu = worker_cpu(host, p);
        bool is_again = cpu < 0;
        if (is_again) {
            cpu = p->workers[w % n]; /* more workers than CPUs: in turn, as --worker-cpus does */
        }
        p->n_shared += is_again || core_is_taken(host, p, cpu);
        p->n_on_irq += host->cpus[cpu].nic_irqs > 0;
        p->workers[p->n_workers++] = cpu;
    }
    control_choose(p, host);
    return 0;
}

int placement_here(struct placement *p, struct placement_host *host, const struct addr *media, unsigned n_workers,
                   int numa)
{
    char interface[PLACEMENT_NAME] = "";
    placement_interface(media, interface);
    int err = placement_read(host, "", interface);
    return err ? err : placement_choose(p, host, n_workers, numa);
}

/* ---- words ---- */

const char *placement_why(int err)
{
    return err == -EINVAL ? "--worker-numa names no node whose CPUs may be used; give --worker-numa=auto"
                          : "the system does not tell its CPUs in /sys; name them by --worker-cpus=LIST";
}

const char *placement_list(const int *cpus, unsigned n, char *text, size_t size)
{
    size_t at = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < n && at < size;) {
        unsigned last = i;
        while (last + 1 < n && cpus[last + 1] == cpus[last] + 1) {
            last++;
        }
        int put = last > i ? snprintf(text + at, size - at, "%s%d-%d", i ? "," : "", cpus[i], cpus[last])
                           : snprintf(text + at, size - at, "%s%d", i ? "," : "", cpus[i]);
        at += (size_t)MAX(put, 0);
        i = last + 1;
    }
    return text;
}

static void print_host(FILE *out, const struct placement_host *host)
{
    unsigned n_online = 0, n_allowed = 0, n_isolated = 0, n_nodes = 0;
    bool seen[PLACEMENT_CPUS_MAX] = {false};
    for (int i = 0; i < host->n_cpus; i++) {
        const struct placement_cpu *cpu = &host->cpus[i];
        n_online += cpu->online;
        n_allowed += cpu->online && cpu->allowed;
        n_isolated += cpu->isolated;
        if (cpu->online && cpu->node < PLACEMENT_CPUS_MAX && !seen[cpu->node]) {
            seen[cpu->node] = true;
            n_nodes++;
        }
    }
    fprintf(out, "system: %u CPUs, %u allowed, %u isolated, %u NUMA node%s; governor %s, clock %s\n", n_online,
            n_allowed, n_isolated, n_nodes, n_nodes == 1 ? "" : "s", *host->governor ? host->governor : "unknown",
            *host->clocksource ? host->clocksource : "unknown");
    for (unsigned i = 0; i < host->n_nics; i++) {
        const struct placement_nic *nic = &host->nics[i];
        fprintf(out, "network: %s%s", nic->name, nic->has_media ? " (media)" : "");
        if (nic->node >= 0) {
            fprintf(out, ", node %d", nic->node);
        }
        fprintf(out, ", %u receive queue%s (%u spread by RPS), %u interrupt%s", nic->rx_queues,
                nic->rx_queues == 1 ? "" : "s", nic->rps_queues, nic->irqs, nic->irqs == 1 ? "" : "s");
        fprintf(out, *nic->irq_cpus ? " on CPUs %s\n" : "%s\n", nic->irq_cpus);
    }
}

static void print_siblings(FILE *out, const struct placement_host *host, const struct placement *p, int cpu)
{
    for (int i = 0; i < host->n_cpus; i++) {
        const struct placement_cpu *a = &host->cpus[i], *b = &host->cpus[cpu];
        if (i != cpu && a->online && a->package == b->package && a->core == b->core && a->node == b->node) {
            fprintf(out, ", sibling %d %s", i, cpu_is_taken(p, i) ? "is another worker's" : "left alone");
        }
    }
}

static void print_advice(FILE *out, const struct placement *p, const struct placement_host *host)
{
    if (p->n_shared) {
        fprintf(out, "advice: %u of %u workers share a core; --workers=%u gives each its own\n", p->n_shared,
                p->n_workers, MAX(1u, p->n_workers - p->n_shared));
    }
    if (p->n_on_irq) {
        fprintf(out,
                "advice: %u worker%s where network interrupts arrive; move those (smp_affinity_list) to CPUs of "
                "signalling\n",
                p->n_on_irq, p->n_on_irq == 1 ? " is" : "s are");
    }
    if (!p->is_control_alone) {
        fprintf(out, "advice: signalling shares a CPU with a worker; one worker less gives it its own\n");
    }
    for (unsigned i = 0; i < host->n_nics; i++) {
        const struct placement_nic *nic = &host->nics[i];
        if (nic->has_media && nic->rx_queues == 1 && nic->rps_queues == 0 && host->n_cpus > 2) {
            fprintf(out,
                    "advice: %s has one receive queue, so one CPU takes every packet; spread them by RPS "
                    "(queues/rx-0/rps_cpus)\n",
                    nic->name);
        }
        if (nic->has_media && p->node >= 0 && nic->node >= 0 && nic->node != p->node) {
            fprintf(out, "advice: %s is on node %d, the workers on node %d; try --worker-numa=%d\n", nic->name,
                    nic->node, p->node, nic->node);
        }
    }
    if (strcmp(host->governor, "powersave") == 0 || strcmp(host->governor, "ondemand") == 0) {
        fprintf(out, "advice: governor %s lets the clock fall between ticks; performance keeps delays even\n",
                host->governor);
    }
    if (*host->clocksource && strcmp(host->clocksource, "tsc") != 0 && strcmp(host->clocksource, "kvm-clock") != 0 &&
        strcmp(host->clocksource, "arch_sys_counter") != 0) {
        fprintf(out, "advice: clock source %s is slow to read; tsc is the fast one\n", host->clocksource);
    }
}

void placement_print(FILE *out, const struct placement *p, const struct placement_host *host)
{
    char text[TEXT_BYTES];
    print_host(out, host);
    if (p->n_workers && p->workers[0] < 0) {
        fprintf(out, "placement: one usable CPU: nothing is pinned\n");
        return;
    }
    for (unsigned w = 0; w < p->n_workers; w++) {
        const struct placement_cpu *cpu = &host->cpus[p->workers[w]];
        fprintf(out, "worker %u: CPU %d (node %d, core %d%s", w, p->workers[w], cpu->node, cpu->core,
                cpu->isolated ? ", isolated" : "");
        print_siblings(out, host, p, p->workers[w]);
        fprintf(out, ")\n");
    }
    fprintf(out, "signalling: CPU %s\n", placement_list(p->control, p->n_control, text, sizeof text));
    fprintf(out, "flags: --workers=%u --worker-cpus=%s", p->n_workers,
            placement_list(p->workers, p->n_workers, text, sizeof text));
    fprintf(out, " --control-cpus=%s\n", placement_list(p->control, p->n_control, text, sizeof text));
    print_advice(out, p, host);
}
