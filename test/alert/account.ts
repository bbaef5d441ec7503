/** What a played day has to come to, by the entries alone: every episode of every rule is told of once, whatever happened meanwhile. */
import type { Row } from '../../functions/ports.ts';
import { DAY_MS, type Day, type Episode, START_MS } from './day.ts';
import type { Played } from './play.ts';

const HOUR_MS = 3_600_000;
/** What begins or ends this near to the end may or may not be told of before it: Slack may be down for an hour, and a flood is held back. */
const MARGIN_MS = 1.5 * HOUR_MS;
const QUIET_MS = 4 * HOUR_MS;
const END_MS = START_MS + DAY_MS;

export interface Account {
	/** Problems of episodes that were never told of. */
	readonly lost: readonly string[];
	/** Problems that were told of as new more than once in an episode. */
	readonly doubled: readonly string[];
	/** Rules whose end was not told of, or more than once. */
	readonly unresolved: readonly string[];
	/** Events that no episode explains. */
	readonly unexplained: readonly string[];
	/** Policies that stand in `alerts_v1` as posted, and in no message. */
	readonly unsaid: readonly string[];
	readonly events: Readonly<Record<string, number>>;
	/** Messages by what `alerts_v1` says. */
	readonly messageIds: number;
}

const timeOf = (row: Row, column: string): number => Date.parse(String(row[column]));

export function accountOf({ episodes }: Day, { posted, texts }: Played): Account {
	const rowsOf = Map.groupBy(posted, (row) => String(row['fingerprint']));
	const [lost, doubled, unresolved, unexplained]: [string[], string[], string[], string[]] = [[], [], [], []];
	const events = new Map<string, Set<string>>();
	for (const row of posted) {
		const state = String(row['state']);
		events.set(state, (events.get(state) ?? new Set()).add(String(row['alert_id'])));
	}
	const ofFingerprint = new Map<string, Episode[]>();
	for (const episode of episodes)
		for (const fingerprint of episode.firsts.keys()) ofFingerprint.set(fingerprint, [...(ofFingerprint.get(fingerprint) ?? []), episode]);
	for (const [fingerprint, own] of ofFingerprint) {
		const rows = rowsOf.get(fingerprint) ?? [];
		for (const [index, { firstMs, lastMs, firsts }] of own.entries()) {
			const untilMs = own[index + 1]?.firstMs ?? Number.POSITIVE_INFINITY;
			const within = rows.filter((row) => timeOf(row, 'posted_at') >= firstMs && timeOf(row, 'posted_at') < untilMs);
			const told = within.filter(({ state }) => state === 'firing' || state === 'update');
			if (told.length === 0 && (firsts.get(fingerprint) ?? 0) < END_MS - MARGIN_MS) lost.push(fingerprint);
			if (told.length > 1) doubled.push(fingerprint);
			const over = within.filter(({ state }) => state === 'resolved').length;
			const due = lastMs + QUIET_MS < END_MS - MARGIN_MS;
			if (over > 1 || (due && over === 0 && told.length > 0)) unresolved.push(fingerprint);
			if (over > 0 && !within.some((row) => row['state'] === 'resolved' && timeOf(row, 'posted_at') >= lastMs + QUIET_MS))
				unexplained.push(fingerprint);
		}
		if (rows.some((row) => timeOf(row, 'posted_at') < (own[0]?.firstMs ?? 0))) unexplained.push(fingerprint);
	}
	for (const fingerprint of rowsOf.keys()) if (!ofFingerprint.has(fingerprint)) unexplained.push(fingerprint);
	return {
		lost,
		doubled,
		unresolved,
		unexplained,
		unsaid: unsaidOf(posted, texts),
		events: Object.fromEntries([...events].map(([state, ids]) => [state, ids.size])),
		messageIds: new Set(posted.map((row) => row['message_id'])).size,
	};
}

/** A message about one rule names its policy. */
function unsaidOf(posted: readonly Row[], texts: readonly string[]): string[] {
	const text = texts.join('\n');
	const single = [...Map.groupBy(posted, (row) => String(row['message_id'])).values()].filter(
		(rows) => new Set(rows.map((row) => row['group_id'])).size === 1,
	);
	const policies = new Set(single.map(([row]) => `${row?.['policy_namespace']}/${row?.['policy_name']}`));
	return [...policies].filter((policy) => !text.includes(policy));
}
