import type { AlertMemory, FixedClause, Problem, Silence } from '../ports.ts';
import type { Alert, Group } from './alert.ts';
import { groupOf } from './group.ts';
import { type GroupMemory, type Memory, NOTHING } from './memory.ts';
import { isSilenced } from './silence.ts';
import { byTime, earliest, latest } from './times.ts';

/** After Prometheus Alertmanager, which names them so. */
export interface Timing {
	/** From a group's first entry until it is told of, so that what breaks together is told together. */
	readonly groupWaitMs: number;
	/** From one event of a group until more problems of it are told of; twice as long after each that did. */
	readonly groupIntervalMs: number;
	/** Until what still fires is told once more. */
	readonly repeatMs: number;
	/** Without an entry for so long, a group is over. */
	readonly quietMs: number;
}

export interface Situation {
	/** Of the time since `quietMs` before now at least. */
	readonly problems: readonly Problem[];
	/** Whether what is not among them is not there. */
	readonly complete: boolean;
	readonly memory: Memory;
	readonly silences: readonly Silence[];
	/** Clauses of alerts that are not over, which the newest snapshots have no more. */
	readonly fixed: readonly FixedClause[];
	readonly nowMs: number;
	readonly timing: Timing;
}

/** What an alert is before it has an id, and before it is known why it is over, unless it was mended. */
export type Decision = Omit<Alert, 'id'>;

/** What is to be said of each group now: at most one event each, none of a group that somebody else is about to tell of. */
export function decide(situation: Situation): readonly Decision[] {
	const { problems, memory, silences } = situation;
	const present = new Map<string, { readonly group: Group; readonly problems: Problem[]; silenced: boolean }>();
	for (const problem of problems) {
		const group = groupOf(problem);
		const members = present.get(group.id) ?? { group, problems: [], silenced: false };
		present.set(group.id, members);
		if (isSilenced(problem, silences)) members.silenced = true;
		else members.problems.push(problem);
	}
	const decisions: (Decision | undefined)[] = [];
	for (const [id, { group, problems: members, silenced }] of present) {
		const known = memory.groups.get(id) ?? NOTHING;
		if (known.busy) continue;
		decisions.push(
			group.counted ? countedEvent(group, members, { known, situation }) : event(group, members, { known, silenced, situation }),
		);
	}
	for (const [id, known] of memory.groups) {
		const [first] = known.told.values();
		if (present.has(id) || known.busy || !first) continue;
		// Under the id that it is remembered by, whichever version gave it.
		const group = { ...groupOf(first), id };
		const silenced = [...known.told.values()].every((row) => isSilenced(row, silences));
		if (!group.counted) decisions.push(event(group, [], { known, silenced, situation }));
	}
	return decisions.filter((decision) => decision !== undefined);
}

interface Standing {
	readonly known: GroupMemory;
	readonly situation: Situation;
}

function event(
	group: Group,
	members: readonly Problem[],
	{ known, silenced, situation }: Standing & { readonly silenced: boolean },
): Decision | undefined {
	const { nowMs, timing } = situation;
	const fixed = fixOf(known, situation.fixed);
	const overMs = Math.max(known.overMs, fixed?.ms ?? Number.NEGATIVE_INFINITY);
	const told = known.told.size > 0;
	// What was never told of is told however long ago it was; what was told of is over once it is quiet, or older than the change that mended it.
	const active = members.filter(({ lastSeen }) => {
		const ms = Date.parse(lastSeen);
		return ms > overMs && (!told || ms >= nowMs - timing.quietMs);
	});
	if (!told) {
		const firstMs = Math.min(...active.map(({ firstSeen }) => Date.parse(firstSeen)));
		return active.length > 0 && nowMs - firstMs >= timing.groupWaitMs ? toDecision('firing', active, { group, known }) : undefined;
	}
	const thread = known.thread === undefined ? {} : { thread: known.thread };
	if (active.length === 0) {
		// Who silences what fires is not told that it is over.
		if ((silenced || !situation.complete) && !fixed) return undefined;
		const over = [...known.told.values()].map(
			(row) => members.find(({ fingerprint }) => fingerprint === row.fingerprint) ?? toProblem(row),
		);
		const resolution = fixed && { kind: 'fixed' as const, policy: fixed.policy, at: fixed.at };
		return { ...toDecision('resolved', over, { group, known }), ...(resolution && { resolution }), ...thread };
	}
	const added = active.filter(({ fingerprint }) => !known.told.has(fingerprint));
	// It stands in the channel again: in a thread nobody would hear of it.
	if (nowMs - known.wholeMs >= timing.repeatMs) return toDecision('repeat', active, { group, known });
	// Who finds a new port each minute must not fill the channel.
	if (added.length > 0 && nowMs - known.lastMs >= timing.groupIntervalMs * 2 ** known.updates)
		return { ...toDecision('update', added, { group, known }), known: known.told.size, ...thread };
	return undefined;
}

/** How long what is only counted gathers. */
const COUNT_WAIT_MS = 3_600_000;

/** Said once in a while, with how many there are, and never that it is over. */
function countedEvent(group: Group, members: readonly Problem[], { known, situation: { nowMs, timing } }: Standing): Decision | undefined {
	const firstMs = Math.min(...members.map(({ firstSeen }) => Date.parse(firstSeen)));
	if (members.length === 0 || nowMs - firstMs < COUNT_WAIT_MS || nowMs - known.lastMs < timing.repeatMs) return undefined;
	return toDecision('firing', members, { group, known: NOTHING });
}

interface Told {
	readonly group: Group;
	/** What was told of it before, and goes on. */
	readonly known: GroupMemory;
}

function toDecision(state: Alert['state'], problems: readonly Problem[], { group, known: { told } }: Told): Decision {
	const most = ({ packets, entries }: Problem): number => packets ?? entries;
	// What was told of began before the time that is looked at.
	const since = problems.map((problem): Problem => {
		const firstSeen = earliest([problem.firstSeen, told.get(problem.fingerprint)?.firstSeen ?? problem.firstSeen]);
		return { ...problem, firstSeen };
	});
	const whole = state === 'firing' || state === 'repeat';
	const unlisted = whole ? Math.max(...problems.map(({ ofRule = 0 }) => ofRule)) - problems.length : 0;
	return {
		state,
		group,
		problems: since.sort((a, b) => most(b) - most(a) || (a.fingerprint < b.fingerprint ? -1 : 1)),
		known: 0,
		...(unlisted > 0 && { unlisted }),
		firstSeen: earliest(since.map(({ firstSeen }) => firstSeen)),
		lastSeen: latest(since.map(({ lastSeen }) => lastSeen)),
	};
}

interface Fix {
	readonly ms: number;
	readonly at: string;
	readonly policy: string;
}

/** When the last of the clauses that broke something was mended; `undefined` where one was not, or that is not known of one. */
function fixOf({ told }: GroupMemory, fixed: readonly FixedClause[]): Fix | undefined {
	const fixes = [...told.values()].map((row) => fixed.find((clause) => sameClause(row, clause)));
	if (fixes.length === 0 || fixes.includes(undefined)) return undefined;
	const [last] = (fixes as readonly FixedClause[]).toSorted((a, b) => byTime(b.at, a.at)) as [FixedClause];
	const policy = last.policyNamespace === null ? last.policyName : `${last.policyNamespace}/${last.policyName}`;
	return { ms: Date.parse(last.at), at: last.at, policy };
}

const sameClause = (row: AlertMemory, { cluster, construct, policyNamespace, policyName, direction, clause }: FixedClause): boolean =>
	row.construct === construct &&
	row.policyNamespace === policyNamespace &&
	row.policyName === policyName &&
	row.direction === direction &&
	row.clause === clause &&
	row.cluster.location === cluster.location &&
	row.cluster.name === cluster.name &&
	row.cluster.project === cluster.project;

function toProblem({ fingerprint, cluster, finding, firstSeen, lastSeen, entries, packets, sources }: AlertMemory): Problem {
	return { fingerprint, cluster, finding, firstSeen, lastSeen, entries, packets, sources: sources ?? 0, unsettled: false };
}
