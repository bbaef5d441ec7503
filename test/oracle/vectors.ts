import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Scenario } from './objects.ts';
import type { Answer } from './oracle.ts';

/** Verdicts of other engines on recorded scenarios; `test/vectors/README.md` says how they were made. */
export interface RecordedVerdicts {
	readonly id: string;
	/** In the order of the scenario's flows: `allow`, `deny`, or `error: …` where any answer is right. */
	readonly verdicts: readonly string[];
	readonly by?: readonly Answer['by'][];
}

const VECTORS = new URL('../vectors/', import.meta.url);

function readLines<Line>(path: string): Line[] {
	const lines = gunzipSync(readFileSync(new URL(path, VECTORS)))
		.toString('utf8')
		.split('\n');
	return lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Line);
}

/** The scenarios of a group (or a single file), each with its recorded verdicts. */
export function readVectors(scenarios: string, verdicts: string): { scenario: Scenario; recorded: RecordedVerdicts }[] {
	const byId = new Map(readLines<RecordedVerdicts>(verdicts).map((recorded) => [recorded.id, recorded]));
	return readLines<Scenario>(scenarios).flatMap((scenario) => {
		const recorded = byId.get(scenario.id);
		return recorded ? [{ scenario, recorded }] : [];
	});
}
