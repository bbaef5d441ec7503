/** Which tables are partitioned by what, and whether what reads them is restricted to partitions. */
import { spares } from './filter.ts';
import type { Read } from './reads.ts';

/** schemas/partitions.json: how each table is laid out. */
export interface Partitioning {
	/** The column by whose days the table is partitioned. */
	readonly column: string | null;
	/** Whether the table refuses a query without a filter. */
	readonly filter_required: boolean;
}

export type Partitions = Readonly<Record<string, Partitioning>>;

export interface Exemption {
	readonly table: string;
	/** The view that reads it. */
	readonly view: string;
	readonly because: string;
}

/** Small tables whose views have to see all of them, as the comment of each says: no filter can spare a partition. */
export const EXEMPTIONS: readonly Exemption[] = [
	{ table: 'rejects_v1', view: 'rejects', because: 'refusals of one message lie in different partitions' },
	{ table: 'rejects_v1', view: 'dead_letters', because: 'a message may have been refused on any day' },
	{ table: 'dead_letters_v1', view: 'dead_letters', because: 'what is left of a message is chosen among all of its rows' },
	{ table: 'policy_findings_v1', view: 'policy_findings', because: 'a snapshot may be linted again at any time' },
	{ table: 'snapshots_v1', view: 'snapshot_health', because: 'the last collection of a cluster may lie in any partition' },
	{ table: 'snapshots_v1', view: 'blind_spots', because: "a cluster's span is from its first collection to its last" },
];

/** `all-days` is where a lower bound stands in the SQL for ever; `unbounded` is where there is none. */
export type Reach = 'partitions' | 'all-days' | 'unbounded';

export interface Reached {
	readonly reach: Reach;
	/** What keeps it from being better, a clause each. */
	readonly problems: readonly string[];
}

/** How much of the tables is read, by the worst of the reads. */
export function reachOf(reads: readonly Read[], partitions: Partitions): Reached {
	const loose = reads.filter((read) => partitions[read.table]?.column && !(read.bound && spares(read.bound)) && !isExempt(read));
	const problems = loose.map(({ table, through, bound }) => {
		const way = through.length > 0 ? ` through ${through.join(', ')}` : '';
		return `${table}${way}: ${partitions[table]?.column} ${bound?.lower ? 'is bounded by a constant for ever' : 'has no lower bound'}`;
	});
	const worst = loose.some(({ bound }) => !bound?.lower) ? 'unbounded' : 'all-days';
	return { reach: loose.length > 0 ? worst : 'partitions', problems: [...new Set(problems)] };
}

const isExempt = ({ table, through }: Read): boolean => EXEMPTIONS.some((one) => one.table === table && through.includes(one.view));

/** Whether the comment at the top says under `Cost:` that all days are read. */
export function saysAllDays(sql: string): boolean {
	const comment = /^(?:\s*--[^\n]*\n)*/.exec(sql)?.[0].replace(/\s*\n\s*--\s*/g, ' ') ?? '';
	return /\bCost:.*\b(?:all days|whole of|whole table)\b/i.test(comment);
}
