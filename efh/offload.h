/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_OFFLOAD_H
#define _EFH_OFFLOAD_H

bool efh_offload_ready(void);
int efh_offload_init(void);
void efh_offload_exit(void);

#endif /* _EFH_OFFLOAD_H */
