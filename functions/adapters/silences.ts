import type { Row, Silence, SqlEngine } from '../ports.ts';

/** A silence as the table has it. Times are RFC 3339 UTC. */
export interface KeptSilence extends Silence {
	readonly startsAt: string;
	/** Not included. */
	readonly endsAt: string;
	readonly createdBy: string;
	readonly createdAt: string;
	readonly comment: string;
	/** When it was ended before its time; `null` where it was not. */
	readonly endedAt: string | null;
}

/** Where silences are kept. Every function rejects where it is not known what was done. */
export interface Silences {
	add(silence: KeptSilence): Promise<void>;
	/** Those that hold at or after that time, the first to end first; `all`: also those that are over. */
	list(at: string, options?: { readonly all?: boolean }): Promise<readonly KeptSilence[]>;
	/** Ends it, unless it is over, and answers with what it is then; `undefined` where there is none. */
	end(id: string, at: string): Promise<KeptSilence | undefined>;
}

/** What a silence may name, with its column. */
const MATCHERS = {
	fingerprint: 'fingerprint',
	projectId: 'project_id',
	location: 'location',
	clusterName: 'cluster_name',
	subjectNamespace: 'subject_namespace',
	subjectWorkload: 'subject_workload',
	construct: 'construct',
	policyNamespace: 'policy_namespace',
	policyName: 'policy_name',
} as const satisfies Record<Exclude<keyof Silence, 'id'>, string>;
const MATCHER_COLUMNS = Object.values(MATCHERS);

const COLUMNS = ['silence_id', ...MATCHER_COLUMNS, 'starts_at', 'ends_at', 'created_by', 'created_at', 'comment', 'ended_at'].join(', ');

/** An empty text stands for none: parameters are texts. */
const ADD = `INSERT INTO \`\${dataset}.silences_v1\`
  (silence_id, ${MATCHER_COLUMNS.join(', ')}, starts_at, ends_at, created_by, created_at, comment)
VALUES (
  @silence_id,
  ${MATCHER_COLUMNS.map((column) => `NULLIF(@${column}, '')`).join(',\n  ')},
  TIMESTAMP(@starts_at),
  TIMESTAMP(@ends_at),
  @created_by,
  TIMESTAMP(@created_at),
  @comment
)`;

const LIST_ALL = `SELECT ${COLUMNS} FROM \`\${dataset}.silences_v1\` ORDER BY ends_at, silence_id`;
const LIST = `SELECT ${COLUMNS}
FROM \`\${dataset}.silences_v1\`
WHERE ends_at > TIMESTAMP(@at) AND (ended_at IS NULL OR ended_at > TIMESTAMP(@at))
ORDER BY ends_at, silence_id`;

const END = `UPDATE \`\${dataset}.silences_v1\`
SET ended_at = TIMESTAMP(@at)
WHERE silence_id = @silence_id AND ended_at IS NULL AND ends_at > TIMESTAMP(@at)`;
const FIND = `SELECT ${COLUMNS} FROM \`\${dataset}.silences_v1\` WHERE silence_id = @silence_id`;

/** The table `silences_v1`. */
export function createSilences(engine: SqlEngine): Silences {
	return {
		async add(silence) {
			const matchers = Object.entries(MATCHERS).map(([name, column]) => [column, silence[name as keyof typeof MATCHERS] ?? '']);
			await engine.query(ADD, {
				silence_id: silence.id,
				...Object.fromEntries(matchers),
				starts_at: silence.startsAt,
				ends_at: silence.endsAt,
				created_by: silence.createdBy,
				created_at: silence.createdAt,
				comment: silence.comment,
			});
		},
		async list(at, { all = false } = {}) {
			return (await (all ? engine.query(LIST_ALL) : engine.query(LIST, { at }))).map(fromRow);
		},
		async end(id, at) {
			await engine.query(END, { silence_id: id, at });
			const [row] = await engine.query(FIND, { silence_id: id });
			return row && fromRow(row);
		},
	};
}

const textOf = (row: Row, column: string): string => String(row[column]);
const textOrNull = (row: Row, column: string): string | null => (row[column] === null ? null : textOf(row, column));

const fromRow = (row: Row): KeptSilence => ({
	id: textOf(row, 'silence_id'),
	fingerprint: textOrNull(row, MATCHERS.fingerprint),
	projectId: textOrNull(row, MATCHERS.projectId),
	location: textOrNull(row, MATCHERS.location),
	clusterName: textOrNull(row, MATCHERS.clusterName),
	subjectNamespace: textOrNull(row, MATCHERS.subjectNamespace),
	subjectWorkload: textOrNull(row, MATCHERS.subjectWorkload),
	construct: textOrNull(row, MATCHERS.construct),
	policyNamespace: textOrNull(row, MATCHERS.policyNamespace),
	policyName: textOrNull(row, MATCHERS.policyName),
	startsAt: textOf(row, 'starts_at'),
	endsAt: textOf(row, 'ends_at'),
	createdBy: textOf(row, 'created_by'),
	createdAt: textOf(row, 'created_at'),
	comment: textOf(row, 'comment'),
	endedAt: textOrNull(row, 'ended_at'),
});
