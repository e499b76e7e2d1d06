/*
 * work - what people and misfortune do in one step.
 */
#ifndef SIM_WORK_H
#define SIM_WORK_H

#include "world.h"

void work_step(void);
/* Something at the hub between two requests of a session. */
void work_interlude(void);

/* work_fault.c: what goes wrong, and what is done about it. */
void fault_arm(struct seat *seat, uint32_t accesses);
/* The action on SEAT is over: revive what died.  WROTE: OK must mean durable. */
void fault_end(struct seat *seat, enum err_code code, bool wrote);
void fault_arm_wire(void);
void fault_count_wire(void);
void fault_jump(struct seat *seat);
void fault_jump_hub(void);
/* A laptop's disk is cloned onto another, and both are used. */
void fault_copy(struct seat *seat);
void fault_backup(struct seat *seat);
void fault_restore(struct seat *seat);

/* work_rogue.c */
void work_rogue(struct seat *seat);

/* work_access.c: what heads say about rights. */
void work_policy(struct seat *seat);
void work_assign(struct seat *seat);
void work_device(struct seat *seat);
void work_decide(void);
/* The hub makes a head a rep, or a rep that was one a head again. */
void work_demote(void);
/* Two heads hand one client over without knowing of each other. */
void work_two_owners(void);

#endif
