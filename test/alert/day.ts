/**
 * A made-up day of clusters that have just moved, as rows: rules that break some workloads each, in bursts, with pauses that are too short to be
 * over and pauses that are long enough, and one cluster that breaks as a whole at three in the morning. Beside it, computed from the entries
 * alone, what has to be told: the episodes of each rule.
 */
import type { ClusterKey, Row } from '../../functions/ports.ts';
import { createRandom, type Random } from '../random.ts';
import { verdictRow } from '../schemas/rows.ts';
import { fingerprintOf } from './sample.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Two hours more than a day: what begins in the first of them is told once more. */
export const DAY_MS = 26 * HOUR_MS;
export const START_MS = Date.parse('2026-03-04T00:00:00Z');
/** As the function has it where nothing is said. */
const QUIET_MS = 4 * HOUR_MS;
/** Pauses between these would be over or not by minutes: there are none. */
const SHORT_PAUSE_MS = 3 * HOUR_MS;
const LONG_PAUSE_MS = 5 * HOUR_MS;

export const CLUSTERS: readonly ClusterKey[] = ['prod', 'staging', 'edge'].map((name) => ({
	project: 'shop',
	location: 'europe-west1',
	name,
}));
const [PROD] = CLUSTERS as [ClusterKey];

export interface Entry {
	readonly ms: number;
	readonly rule: Rule;
	readonly fingerprint: string;
}

export interface Rule {
	readonly cluster: ClusterKey;
	/** `namespace/name`. */
	readonly policy: string;
	readonly fingerprints: readonly string[];
}

export interface Episode {
	readonly rule: Rule;
	readonly firstMs: number;
	readonly lastMs: number;
	/** By fingerprint: its first entry. */
	readonly firsts: ReadonlyMap<string, number>;
}

export interface Day {
	/** In the order of their times. */
	readonly entries: readonly Entry[];
	readonly episodes: readonly Episode[];
	readonly fingerprints: number;
}

export function makeDay({ fingerprints, seed }: { readonly fingerprints: number; readonly seed: number }): Day {
	const random = createRandom(seed);
	const entries: Entry[] = [];
	let made = 0;
	for (let index = 0; made < fingerprints; index++) {
		// Two in five break together.
		const storm = made < fingerprints * 0.4;
		const rule = makeRule({ index, storm, workloads: Math.min(fingerprints - made, storm ? 10 : 1 + random.below(12)), random });
		made += rule.fingerprints.length;
		entries.push(...entriesOf(rule, { random, bursts: storm ? [[3 * HOUR_MS, 3.5 * HOUR_MS]] : burstsOf(random) }));
	}
	entries.sort((a, b) => a.ms - b.ms);
	const episodes = [...Map.groupBy(entries, ({ rule }) => rule).values()].flatMap(episodesOf);
	return { entries, episodes, fingerprints: made };
}

interface Making {
	readonly index: number;
	readonly storm: boolean;
	readonly workloads: number;
	readonly random: Random;
}

function makeRule({ index, storm, workloads, random }: Making): Rule {
	const cluster = storm ? PROD : random.pick(CLUSTERS);
	const policy = `team-${index % 40}/policy-${index}`;
	const construct = random.pick(['ipblock-pod', 'end-port', 'ipblock-service', 'port-protocol-only']);
	return {
		cluster,
		policy,
		fingerprints: Array.from({ length: workloads }, (_, workload) =>
			fingerprintOf({ cluster, construct, policy, rule: `rule-${index}`, subject: `team-${index % 40}/Deployment/api-${workload}` }),
		),
	};
}

type Burst = readonly [fromMs: number, toMs: number];

function burstsOf(random: Random): readonly Burst[] {
	const bursts: Burst[] = [];
	const kind = random.below(10);
	let fromMs = random.below(DAY_MS - HOUR_MS);
	// One in ten goes on to the end.
	if (kind === 0) return [[fromMs, DAY_MS]];
	for (let count = kind < 6 ? 1 : 2 + random.below(2); count > 0 && fromMs < DAY_MS; count--) {
		const toMs = Math.min(DAY_MS, fromMs + MINUTE_MS * (1 + random.below(60)));
		bursts.push([fromMs, toMs]);
		fromMs = toMs + (random.below(2) === 0 ? random.below(SHORT_PAUSE_MS - HOUR_MS) : LONG_PAUSE_MS + random.below(HOUR_MS));
	}
	return bursts;
}

/** Each workload meets the rule within the first minute or, one in five, half-way; then again every 5 to 20 minutes, as a client that retries. */
function entriesOf(rule: Rule, { random, bursts }: { readonly random: Random; readonly bursts: readonly Burst[] }): Entry[] {
	return bursts.flatMap(([fromMs, toMs]) =>
		rule.fingerprints.flatMap((fingerprint, workload): Entry[] => {
			const late = workload > 0 && random.below(5) === 0;
			const times: number[] = [];
			for (
				let ms = late ? (fromMs + toMs) / 2 : fromMs + random.below(Math.min(MINUTE_MS, toMs - fromMs));
				ms < toMs;
				ms += MINUTE_MS * (5 + random.below(15))
			)
				times.push(ms);
			return times.map((ms) => ({ ms: START_MS + Math.floor(ms), rule, fingerprint }));
		}),
	);
}

function episodesOf(entries: readonly Entry[]): Episode[] {
	const episodes: Entry[][] = [];
	for (const entry of entries) {
		const last = episodes.at(-1);
		if (last && entry.ms - (last.at(-1)?.ms ?? 0) < QUIET_MS) last.push(entry);
		else episodes.push([entry]);
	}
	return episodes.map((some) => {
		const [first, last] = [some[0], some.at(-1)] as [Entry, Entry];
		return {
			rule: first.rule,
			firstMs: first.ms,
			lastMs: last.ms,
			firsts: new Map(some.toReversed().map(({ fingerprint, ms }) => [fingerprint, ms])),
		};
	});
}

let rows = 0;

/** A row of `verdicts_v1`. */
export function rowOf({ ms, rule: { cluster, policy }, fingerprint }: Entry): Row {
	const [, , construct, , subject = ''] = fingerprint.split('|');
	const [namespace, kind, workload] = subject.split('/');
	const [policyNamespace, policyName] = policy.split('/');
	return verdictRow({
		entry_id: `entry-${++rows}`,
		insert_id: `${rows}`,
		log_name: `projects/${cluster.project}/logs/policy-action`,
		timestamp: new Date(ms).toISOString(),
		project_id: cluster.project,
		location: cluster.location,
		cluster_name: cluster.name,
		count: 1 + (rows % 9),
		source_ip: `10.0.0.${rows % 250}`,
		subject_kind: 'pod',
		subject_namespace: namespace,
		subject_workload_kind: kind,
		subject_workload: workload,
		peer_kind: 'pod',
		destination_port: 5432,
		summary: `Broken by the move: traffic to ${namespace}/${workload}. Ingress rule 0 of ${policy} admitted it before.`,
		constructs: [construct],
		evidence: [
			{
				role: 'void',
				policy_kind: 'NetworkPolicy',
				policy_namespace: policyNamespace,
				policy_name: policyName,
				direction: 'ingress',
				rule: 0,
				clause: 'ipBlock 10.0.0.0/8',
				construct,
			},
		],
		fingerprint,
		snapshot_id: 'any-0123456789ab',
		judged_at: new Date(ms + 2000).toISOString(),
	});
}
