/*
 * Which thread should run on which CPU: reads what the system is (NUMA nodes, SMT siblings, isolated CPUs, network
 * queues and where their interrupts go) and chooses. Pinning can hurt, so nothing is pinned unless asked for;
 * mixminusctl doctor measures both ways.
 */
#ifndef TOOLS_CONFIG_PLACEMENT_H
#define TOOLS_CONFIG_PLACEMENT_H

#include "core/base/addr.h"

#include <stdio.h>

#define PLACEMENT_CPUS_MAX 1024
#define PLACEMENT_NICS_MAX 16
#define PLACEMENT_NAME 32

enum { PLACEMENT_NUMA_AUTO = -1, PLACEMENT_NUMA_OFF = -2 }; /* else the number of a node */

struct placement_cpu {
    bool online;
    bool allowed;  /* to this process */
    bool isolated; /* from the scheduler: isolcpus= */
    int node, package, core;
    unsigned nic_irqs; /* interrupts of network interfaces that may come here, where not all CPUs may take them */
};

struct placement_nic {
    char name[PLACEMENT_NAME];
    int node; /* -1: none, or unknown */
    unsigned rx_queues, irqs;
    unsigned rps_queues;           /* receive queues that spread their packets over CPUs by software */
    char irq_cpus[PLACEMENT_NAME]; /* of all its interrupts; cut when longer */
    bool has_media;
};

struct placement_host {
    struct placement_cpu cpus[PLACEMENT_CPUS_MAX];
    int n_cpus; /* the highest number plus one */
    struct placement_nic nics[PLACEMENT_NICS_MAX];
    unsigned n_nics;
    char governor[PLACEMENT_NAME], clocksource[PLACEMENT_NAME]; /* "": unknown */
};

struct placement {
    int workers[PLACEMENT_CPUS_MAX]; /* the CPU of each; -1: not pinned */
    unsigned n_workers;
    int control[PLACEMENT_CPUS_MAX]; /* signalling may run on these; none: wherever */
    unsigned n_control;
    int node;              /* kept to this one; -1: all */
    unsigned n_shared;     /* workers that share a core with another worker's SMT sibling */
    unsigned n_on_irq;     /* workers on CPUs that take interrupts of a network interface */
    bool is_control_alone; /* no CPU is both signalling's and a worker's */
};

/**
 * Reads the system.
 *
 * @param root   "" of the running system; else a folder with sys/ and proc/ in it, for tests: all its CPUs are allowed
 * @param media  name of the interface that media uses, "": loopback or unknown
 * @return 0 | -ENOENT no CPU was found
 */
int placement_read(struct placement_host *host, const char *root, const char *media);

/** Name of the interface that has an address. @return false: none */
bool placement_interface(const struct addr *addr, char name[PLACEMENT_NAME]);

/**
 * Chooses. Workers go, in this order of weight: to isolated CPUs; each to a core of its own; away from CPUs that take
 * network interrupts; away from CPU 0. Signalling gets what is left of the same node. A machine with one usable CPU is
 * not pinned at all.
 *
 * @param numa  PLACEMENT_NUMA_AUTO: the node of the media interface, or the one with the most CPUs, if it has enough
 * @return 0 | -EINVAL no such node, or none of its CPUs may be used
 */
int placement_choose(struct placement *placement, const struct placement_host *host, unsigned n_workers, int numa);

/** Reads the running system, where media has this address, and chooses. @return as those two */
int placement_here(struct placement *placement, struct placement_host *host, const struct addr *media,
                   unsigned n_workers, int numa);

/** A sentence about why it failed, that names the fix. */
const char *placement_why(int err);

/** For people: what the system is, what was chosen, the flags that make it so, and what could be better. */
void placement_print(FILE *out, const struct placement *placement, const struct placement_host *host);

/** "2-4,7" of a list of CPUs in order. @return text */
const char *placement_list(const int *cpus, unsigned n, char *text, size_t size);

#endif
