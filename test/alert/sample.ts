/** Problems and events to begin with. A test says only what it is about. */
import type { AlertMemory, ClusterKey, Problem } from '../../functions/ports.ts';

export const PROD: ClusterKey = { project: 'shop-prod', location: 'europe-west1', name: 'prod' };

/** Noon of the day that everything happens on. */
export const NOON_MS = Date.parse('2026-03-04T12:00:00Z');
/** RFC 3339, so many minutes after noon. */
export const at = (minutes: number): string => new Date(NOON_MS + minutes * 60_000).toISOString();

interface Written {
	readonly cluster?: ClusterKey;
	readonly finding?: Problem['finding'];
	readonly construct?: string;
	readonly subject?: string;
	readonly peer?: string;
	readonly port?: string;
	readonly policy?: string;
	readonly rule?: string;
}

export function fingerprintOf(written: Written = {}): string {
	const { cluster = PROD, finding = 'void-rule', construct = 'ipblock-pod', subject = 'shop/StatefulSet/db' } = written;
	const { peer = 'shop/Deployment/cart', port = '5432', policy = 'shop/db', rule = 'aaaa' } = written;
	return [
		`${cluster.project ?? '-'}/${cluster.location}/${cluster.name}`,
		finding,
		construct,
		'ingress',
		subject,
		peer,
		port,
		'TCP',
		policy,
		rule,
	].join('|');
}

/** Seen from the one to the other minute after noon. */
export function problemOf(written: Written & Partial<Problem> & { readonly seen?: readonly [number, number] } = {}): Problem {
	const { seen = [-1, -1], cluster = PROD, finding = 'void-rule' } = written;
	const { entries = 3, packets = 12, sources = 1, unsettled = false, fingerprint = fingerprintOf(written), ofRule } = written;
	return {
		fingerprint,
		cluster,
		finding,
		firstSeen: at(seen[0]),
		lastSeen: at(seen[1]),
		entries,
		packets,
		sources,
		unsettled,
		...(ofRule !== undefined && { ofRule }),
	};
}

/** An event that told of the problem, posted so many minutes after noon. */
export function eventOf(
	problem: Problem,
	written: Partial<AlertMemory> & { readonly group: string; readonly minute: number },
): AlertMemory {
	const { group, minute, ...rest } = written;
	return {
		alertId: `alert-${minute}-${group}`,
		groupId: group,
		messageId: `message-${minute}-${group}`,
		fingerprint: problem.fingerprint,
		state: 'firing',
		claimedAt: at(minute),
		postedAt: at(minute),
		error: null,
		firstSeen: problem.firstSeen,
		lastSeen: problem.lastSeen,
		entries: problem.entries,
		packets: problem.packets,
		sources: problem.sources,
		cluster: problem.cluster,
		finding: problem.finding,
		construct: 'ipblock-pod',
		direction: 'ingress',
		policyNamespace: 'shop',
		policyName: 'db',
		clause: 'ipBlock 10.8.0.0/14',
		threadTs: null,
		fixedAt: null,
		...rest,
	};
}
