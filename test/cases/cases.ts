import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { KubernetesObject, ScenarioEnd, ScenarioFlow } from '../oracle/objects.ts';
import { type ShortObjects, toObjects } from './manifests.ts';

/** Hand-written cases: what a sentence of the specification, or of an engine's documentation, means for given flows. */
export interface Case {
	readonly file: string;
	readonly name: string;
	/** The sentence that decides, with its source where that is not the API; in our own words where nobody wrote one. */
	readonly quote: string;
	readonly objects: readonly KubernetesObject[];
	readonly flows: readonly CaseFlow[];
}

export type ExpectedVerdict = 'allow' | 'deny' | 'error';

export interface CaseFlow {
	readonly flow: ScenarioFlow;
	/** By semantics; see `expectationOf`. */
	readonly expect: Readonly<Record<string, ExpectedVerdict>>;
	/** The admitting policies under `kubernetes`; `[]` where nothing isolates. Absent: not stated. */
	readonly by?: readonly string[];
}

interface WrittenFile {
	/** Shared by all cases of the file. */
	readonly objects?: ShortObjects;
	readonly cases: readonly WrittenCase[];
}

interface WrittenCase {
	readonly name: string;
	readonly quote: string;
	readonly objects?: ShortObjects;
	readonly flows: readonly WrittenFlow[];
}

interface WrittenFlow {
	/** `namespace/name` of a Pod, or an address, or both, or a node. */
	readonly from: string | ScenarioEnd;
	readonly to: string | ScenarioEnd;
	/** 80 where left out, and none for ICMP. */
	readonly port?: number;
	/** TCP where left out. */
	readonly protocol?: string;
	/** ingress where left out. */
	readonly direction?: ScenarioFlow['direction'];
	/** A verdict alone holds under all semantics. */
	readonly expect: ExpectedVerdict | Readonly<Record<string, ExpectedVerdict>>;
	readonly by?: readonly string[];
}

const FOLDER = new URL('./', import.meta.url);
const VERDICTS: readonly string[] = ['allow', 'deny', 'error'];

/** All cases of this folder's YAML files. */
export function readCases(): Case[] {
	const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
	return files.sort().flatMap((file) => parseCases(readFileSync(new URL(file, FOLDER), 'utf8'), file));
}

/** Cases from YAML: a list of cases, or shared `objects` beside `cases`. Throws on what is misspelled. */
export function parseCases(text: string, file: string): Case[] {
	const written = parse(text, { merge: true }) as WrittenFile | readonly WrittenCase[];
	const { objects: shared, cases } = 'cases' in written ? written : { objects: {}, cases: written };
	return cases.map(({ name, quote, objects, flows }) => ({
		file,
		name,
		quote,
		objects: toObjects(shared ?? {}, objects ?? {}),
		flows: flows.map((flow) => toCaseFlow(flow, `${file}: ${name}`)),
	}));
}

function toCaseFlow(written: WrittenFlow, where: string): CaseFlow {
	const { from, to, port = 80, protocol = 'TCP', direction = 'ingress', expect, by, ...unknown } = written;
	if (Object.keys(unknown).length > 0) throw new Error(`${where}: a flow has no ${Object.keys(unknown).join(', ')}`);
	const expectations = typeof expect === 'string' ? { all: expect } : expect;
	for (const [key, verdict] of Object.entries(expectations)) {
		const known = /^(all|kubernetes|calico|specified|cilium|cilium-1\.\d+(\+[a-z-]+)?|cilium(<=|>=|=)1\.\d+)$/.test(key);
		if (!known || !VERDICTS.includes(verdict)) throw new Error(`${where}: expect ${key}: ${verdict}`);
	}
	const flow = { src: toEnd(from), dst: toEnd(to), protocol, ...(protocol !== 'ICMP' && { port }), direction };
	return { flow, expect: expectations, ...(by && { by }) };
}

/** A text with a slash names a Pod: addresses have none. */
function toEnd(end: string | ScenarioEnd): ScenarioEnd {
	if (typeof end !== 'string') return end;
	return end.includes('/') ? { pod: end } : { ip: end };
}

/**
 * What a flow expects of one semantics: of its id, or else of a range of releases (`cilium<=1.15`, variants included), or else of its
 * group (`specified` is kubernetes and calico, `cilium` all the others), or else of `all`. `undefined` where the case says nothing.
 */
export function expectationOf({ expect }: CaseFlow, semantics: string): ExpectedVerdict | undefined {
	const group = semantics.startsWith('cilium-') ? 'cilium' : 'specified';
	const range = Object.keys(expect).find((key) => isInRange(semantics, key));
	return expect[semantics] ?? (range === undefined ? undefined : expect[range]) ?? expect[group] ?? expect['all'];
}

function isInRange(semantics: string, key: string): boolean {
	const [, operator, bound] = /^cilium(<=|>=|=)1\.(\d+)$/.exec(key) ?? [];
	const [, release] = /^cilium-1\.(\d+)/.exec(semantics) ?? [];
	if (operator === undefined || release === undefined) return false;
	const distance = Number(release) - Number(bound);
	return operator === '=' ? distance === 0 : operator === '<=' ? distance <= 0 : distance >= 0;
}
