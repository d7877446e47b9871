/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _EFH_PROTOCOL_H
#define _EFH_PROTOCOL_H

int efh_protocol_init(void);
void efh_protocol_exit(void);

#endif /* _EFH_PROTOCOL_H */
