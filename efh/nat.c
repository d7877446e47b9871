// SPDX-License-Identifier: GPL-2.0-only
/*
 * Under UDP: whether a peer is there, and at which port a NAT lets it be reached
 * (wire.rst section 7).
 *
 * An endpoint that sends says hello: a PROBE from the port it listens at, about
 * itself and not about a flow. If that comes from the port where the peer is
 * known to be it is acknowledged. From another it is a claim, which who forges
 * addresses can make, and who shares the peer's. So the known port is asked
 * first, unless it never answered; if it does not answer now the other is asked
 * when it is claimed again, and an answer with the right Nonce makes it the known
 * one.
 */
#include <linux/ktime.h>
#include "carrier.h"
#include "control.h"
#include "link.h"
#include "nat.h"
#include "net.h"
#include "peer.h"

/* A Nonce counts for this long, and for up to twice as long. */
#define EFH_NAT_OUTSTANDING	4	/* s */
/* An answer of who is claimed to be elsewhere takes less. */
#define EFH_NAT_UNHEARD		HZ
#define EFH_NAT_REFRESH		(10 * HZ)

/* What a Nonce stands for: no padding. */
struct efh_nat_asked {
	u64 period;
	struct efh_peer_key peer;
	u32 lower;
	u32 port;
	u32 zero;
};

static u64 efh_nat_period(void)
{
	return (u32)ktime_get_seconds() / EFH_NAT_OUTSTANDING;
}

/*
 * The Nonce of a PROBE to a port: as good as random to whoever doesn't see it,
 * another one each period, and no state that a flood could use up.
 */
static __be64 efh_nat_nonce(const struct efh_peer *peer, __be16 port,
			    u64 period)
{
	const struct efh_net *en = efh_net(peer->link->net);
	const struct efh_nat_asked asked = {
		.period = period,
		.peer = peer->key,
		.lower = peer->link->lower,
		.port = ntohs(port),
	};

	return cpu_to_be64(siphash(&asked, sizeof(asked), &en->control.key));
}

/* Is that of a PROBE to @port outstanding: of this period, or of the last? */
static bool efh_nat_proves(const struct efh_peer *peer, __be16 port,
			   __be64 nonce)
{
	u64 now = efh_nat_period();

	return nonce == efh_nat_nonce(peer, port, now) ||
	       nonce == efh_nat_nonce(peer, port, now - 1);
}

/* What an endpoint calls itself: by its address as it knows it. */
static __be32 efh_nat_endpoint(const struct in6_addr *addr)
{
	const __be32 *word = addr->s6_addr32;
	__be32 fold = word[3];

	if (!ipv6_addr_v4mapped(addr))
		fold ^= word[0] ^ word[1] ^ word[2];
	return fold | htonl(EFH_CONTROL_ENDPOINT);
}

static void efh_nat_probe(struct efh_peer *peer, __be16 port, __be32 flow,
			  __be64 nonce)
{
	unsigned int size = efh_carrier_len(efh_link_carrier(peer->link)) +
			    EFH_CONTROL_LEN;

	efh_control_tell(peer, port, &(struct efh_control) {
		.kind = EFH_CONTROL_PROBE,
		.size = htons(size),
		.flow = flow,
		.nonce = nonce,
	});
}

/* Somebody with the peer's address says hello from another port than is known. */
static void efh_nat_claim(struct efh_peer *peer, __be16 port)
{
	unsigned long proved = READ_ONCE(peer->proved);
	unsigned long checked = READ_ONCE(peer->checked);
	__be32 flow = htonl(ntohs(peer->key.port));

	if (READ_ONCE(peer->fixed))
		return;
	if (proved && port != READ_ONCE(peer->home)) {
		if (efh_lately(checked, EFH_NAT_UNHEARD))
			return;
		if (!efh_lately(checked, EFH_NAT_REFRESH) ||
		    !time_before(proved, checked)) {
			WRITE_ONCE(peer->checked, efh_now());
			port = READ_ONCE(peer->port);
		}
	}
	efh_nat_probe(peer, port, flow,
		      efh_nat_nonce(peer, port, efh_nat_period()));
}

/**
 * efh_nat_greeted() - a PROBE came
 * @peer: whose address it has
 * @hdr: the message
 * @port: the one it came from
 *
 * Context: RCU read side, BH disabled.
 * Return: is it to be acknowledged? If not, it claims another port.
 */
bool efh_nat_greeted(struct efh_peer *peer, const struct efh_control_hdr *hdr,
		     __be16 port)
{
	if (!efh_control_about_endpoint(hdr->flow))
		return true;
	/* Anybody may say so. It costs that flows share a path. */
	if (hdr->flow != efh_nat_endpoint(&peer->key.remote))
		WRITE_ONCE(peer->nat, true);
	if (port == READ_ONCE(peer->port))
		return true;
	efh_nat_claim(peer, port);
	return false;
}

/**
 * efh_nat_known() - a peer answered from the port where it is known to be
 * @peer: the peer
 */
void efh_nat_known(struct efh_peer *peer)
{
	WRITE_ONCE(peer->proved, efh_now());
}

/**
 * efh_nat_proved() - a PROBE-ACK came: a peer may have proved to be at a port
 * @peer: whose address it has
 * @port: the one it came from
 * @nonce: what it proves that by
 *
 * Context: RCU read side, BH disabled.
 * Return: false if it proves nothing.
 */
bool efh_nat_proved(struct efh_peer *peer, __be16 port, __be64 nonce)
{
	if (!efh_nat_proves(peer, port, nonce))
		return false;
	if (READ_ONCE(peer->port) != port) {
		if (READ_ONCE(peer->fixed))
			return true;
		efh_peer_port(peer, port);
	}
	efh_nat_known(peer);
	return true;
}

/**
 * efh_nat_hello() - tell a peer where it is sent from, and ask it to answer
 * @peer: the peer
 * @nonce: what the answer proves by that it is his
 *
 * Under the IP carriers, which have no ports, the same is asked.
 *
 * Context: RCU read side, BH disabled.
 */
void efh_nat_hello(struct efh_peer *peer, __be64 nonce)
{
	efh_nat_probe(peer, READ_ONCE(peer->port),
		      efh_nat_endpoint(&peer->key.local), nonce);
}
