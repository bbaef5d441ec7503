import Table from 'cli-table3';
import type { KeptSilence } from '../adapters/silences.ts';
import { jsonLine } from './json.ts';
import { printable } from './terminal.ts';

export const SILENCE_FORMATS = ['text', 'json'] as const;
export type SilenceFormat = (typeof SILENCE_FORMATS)[number];

/** What a silence names, as options name it: `namespace shop` and `construct ipblock-pod`. */
function matchersOf(silence: KeptSilence): string[] {
	const { policyNamespace, policyName } = silence;
	const policy = policyNamespace === null ? policyName : `${policyNamespace}/${policyName ?? '*'}`;
	return [
		['fingerprint', silence.fingerprint],
		['construct', silence.construct],
		['namespace', silence.subjectNamespace],
		['workload', silence.subjectWorkload],
		['policy', policy],
		['cluster', clusterOf(silence)],
	]
		.filter(([, value]) => value !== null)
		.map((pair) => pair.join(' '));
}

/** In full, or as much of it as the silence names. */
function clusterOf({ projectId, location, clusterName }: KeptSilence): string | null {
	if (projectId === null && location === null) return clusterName;
	const parts = [
		['projects', projectId],
		['locations', location],
		['clusters', clusterName],
	];
	return parts
		.filter(([, name]) => name !== null)
		.map((part) => part.join('/'))
		.join('/');
}

/** The same as a sentence has it. The command makes none that names nothing: such a row silences nothing. */
export const matchersText = (silence: KeptSilence): string => matchersOf(silence).join(' and ') || 'nothing';

type State = 'active' | 'pending' | 'over' | 'ended';

/** What it is at that time. */
function stateOf({ startsAt, endsAt, endedAt }: KeptSilence, at: string): State {
	const [atMs, startMs, endMs] = [at, startsAt, endsAt].map((time) => Date.parse(time)) as [number, number, number];
	if (endedAt !== null && Date.parse(endedAt) <= atMs) return 'ended';
	if (endMs <= atMs) return 'over';
	return startMs > atMs ? 'pending' : 'active';
}

interface Printing {
	readonly at: string;
	readonly format: SilenceFormat;
	/** The width of the terminal. */
	readonly columns: number;
}

/** A table, or one object a line. */
export function renderSilences(silences: readonly KeptSilence[], { at, format, columns }: Printing): string {
	if (format === 'json') return silences.map((silence) => jsonLine({ ...silence, state: stateOf(silence, at) })).join('');
	if (silences.length === 0) return 'no silences\n';
	const table = new Table({ head: HEAD, colWidths: widthsFor(columns), wordWrap: true, style: { head: [], border: [] } });
	for (const silence of silences) {
		// Fingerprints have no blanks to break at, and are not to be cut.
		const what = { content: matchersOf(silence).map(printable).join('\n'), wrapOnWordBoundary: false };
		table.push([
			printable(silence.id),
			what,
			whenText(silence, stateOf(silence, at)),
			...[silence.createdBy, silence.comment].map(printable),
		]);
	}
	return `${table.toString()}\n`;
}

const HEAD = ['id', 'silences', 'until (UTC)', 'by', 'why'];
/** The id, the times and who, with the padding. The rest is shared by what is silenced and why. */
const [ID, WHEN, WHO] = [12, 18, 16];
/** Narrower, nothing is left for names; wider, lines are too long to read. */
const [MIN_WIDTH, MAX_WIDTH] = [100, 160];

function widthsFor(columns: number): number[] {
	const left = Math.min(Math.max(columns, MIN_WIDTH), MAX_WIDTH) - (HEAD.length + 1) - ID - WHEN - WHO;
	const what = Math.ceil(left / 2);
	return [ID, what, WHEN, WHO, left - what];
}

function whenText({ startsAt, endsAt, endedAt }: KeptSilence, state: State): string {
	const minute = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 16)}`;
	switch (state) {
		case 'active':
			return minute(endsAt);
		case 'pending':
			return `${minute(endsAt)}\nfrom\n${minute(startsAt)}`;
		case 'over':
			return `${minute(endsAt)}\n(over)`;
		case 'ended':
			return `${minute(endedAt ?? endsAt)}\n(ended)`;
		default:
			return state satisfies never;
	}
}
