import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as assert from 'uvu/assert';
import type { Alert, Severity } from '../../../functions/alert/alert.ts';
import { groupOf } from '../../../functions/alert/group.ts';
import { bySeverity, sinceOf } from '../../../functions/alert/message/digest.ts';
import { toJsonMessage } from '../../../functions/alert/message/json.ts';
import { toPlainMessage, toSlackMessage } from '../../../functions/alert/message/slack.ts';
import { CONSTRUCTS, type ConstructId } from '../../../functions/policy/constructs.ts';
import { FINDINGS } from '../../../functions/policy/finding.ts';
import { describe } from '../../describe.ts';
import type { Judged } from './judged.ts';
import { findProblems } from './limits.ts';
import { alertOf, GOLDENS, type Golden, renderingOf, threeClients } from './notices.ts';
import { readable } from './readable.ts';

const FOLDER = new URL('golden/', import.meta.url);
const UPDATE = process.env['UPDATE'] === '1';

const schema = JSON.parse(readFileSync(new URL('../../../schemas/alert.schema.json', import.meta.url), 'utf8')) as Record<string, unknown>;
const validate = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false }).compile(schema);

type Json = Record<string, unknown>;
const plainJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

/** What an `update` writes, as a test reads it. */
function checkGolden(file: string, actual: string, same: (golden: string) => void): void {
	const path = new URL(file, FOLDER);
	if (UPDATE) writeFileSync(path, actual);
	same(readFileSync(path, 'utf8'));
}

function bodiesOf({ notice, rendering }: Golden) {
	const slack = toSlackMessage(notice, rendering);
	return { slack, plain: toPlainMessage(notice, rendering), json: toJsonMessage(notice, rendering) };
}

describe('alert messages', (it) => {
	for (const golden of GOLDENS) {
		const bodies = bodiesOf(golden);
		it(`${golden.name} is as its golden has it`, () => {
			// Compared by value: the formatter lays JSON out in its own way.
			checkGolden(`${golden.name}.json`, `${JSON.stringify(bodies, null, '\t')}\n`, (text) =>
				assert.equal(plainJson(bodies), JSON.parse(text) as Json, 'UPDATE=1 npm test -- alert/message writes it anew'),
			);
			const text = readable(bodies.slack);
			checkGolden(`${golden.name}.txt`, text, (known) => assert.is(text, known));
		});

		it(`${golden.name} is taken by Slack, and by the schema`, () => {
			assert.equal(findProblems(bodies.slack), []);
			assert.equal(findProblems(bodies.plain), []);
			assert.ok(validate(plainJson(bodies.json)), JSON.stringify(validate.errors));
			assert.equal(undescribed(plainJson(bodies.json)), []);
		});

		it(`${golden.name} says what decides`, () => {
			const text = readable(bodies.slack);
			for (const word of golden.says) assert.ok(text.includes(word), `${word} in\n${text}`);
		});
	}

	it('have no golden that is nothing’s', () => {
		const files = readdirSync(FOLDER).filter((file) => file !== 'README.md');
		assert.equal(files.sort(), GOLDENS.flatMap(({ name }) => [`${name}.json`, `${name}.txt`]).sort());
	});

	it('have a golden of each construct, each flagged finding and each state', () => {
		const alerts = GOLDENS.flatMap(({ notice }) => (notice.kind === 'alert' ? [notice.alert] : []));
		const constructs = new Set(alerts.map(({ group }) => group.construct));
		for (const construct of Object.keys(CONSTRUCTS)) assert.ok(constructs.has(construct as keyof typeof CONSTRUCTS), construct);
		const findings = new Set(alerts.map(({ group }) => group.finding));
		const flagged = FINDINGS.filter((finding) => !['undecidable', 'explicit-deny', 'explained', 'confirmed'].includes(finding));
		for (const finding of flagged) assert.ok(findings.has(finding), finding);
		const states = new Set(alerts.map(({ state, resolution }) => `${state} ${resolution?.kind ?? ''}`.trim()));
		assert.equal([...states].sort(), ['firing', 'repeat', 'resolved fixed', 'resolved judged-again', 'resolved quiet', 'update']);
		assert.ok(alerts.some(({ group }) => group.counted === 'contradicted') && alerts.some(({ group }) => group.counted === 'late-reply'));
		assert.equal([...new Set(GOLDENS.map(({ notice }) => notice.kind))].sort(), ['alert', 'bundle', 'overflow']);
	});
});

/** Keys that a value has and the schema does not name. */
function undescribed(value: Json): string[] {
	const named = new Set<string>();
	const collect = (node: unknown): void => {
		if (typeof node !== 'object' || node === null) return;
		for (const [key, inner] of Object.entries(node)) {
			if (key === 'properties') for (const name of Object.keys(inner as Json)) named.add(name);
			collect(inner);
		}
	};
	collect(schema);
	const keys = (node: unknown): string[] => {
		if (typeof node !== 'object' || node === null) return [];
		return Array.isArray(node) ? node.flatMap(keys) : Object.entries(node).flatMap(([key, inner]) => [key, ...keys(inner)]);
	};
	return [...new Set(keys(value))].filter((key) => !named.has(key));
}

const of = (name: string) => {
	const golden = GOLDENS.find((one) => one.name === name);
	if (!golden) throw new Error(`no golden ${name}`);
	return readable(toSlackMessage(golden.notice, golden.rendering));
};

describe('what a message says', (it) => {
	it('counts packets and log entries, and no connections', () => {
		assert.match(of('three-clients'), /6,100 packets in 409 log entries, from up to 10 sources/);
		for (const { notice, rendering } of GOLDENS) {
			// Late replies are of connections that were closed, and nothing counts those.
			assert.not.match(JSON.stringify(bodiesOf({ name: '', notice, rendering, says: [] })), /\d connections?/);
		}
	});

	it('has one line a problem, forty at most, and says how many more', () => {
		assert.is(of('three-clients').match(/^• /gm)?.length, 3);
		const text = of('many-problems');
		assert.is(text.match(/^• /gm)?.length, 40);
		assert.match(text, /^and 80 more problems: the query below shows them$/m);
		assert.match(text, /; the peers of 115 more problems are not in it:$/m);
	});

	it('says in words that it is not settled, and only then', () => {
		assert.match(of('unsettled'), /Not settled within ten minutes: the cluster was not seen since/);
		assert.not.match(of('three-clients'), /settled/);
	});

	it('says what is only counted, where there is something', () => {
		assert.match(of('three-clients-counts'), /only counted: 4 entries that contradict the model, 1,204 late replies\./);
		assert.not.match(of('three-clients'), /counted:/);
	});

	it('of an update tells of the new, and how many were known', () => {
		assert.match(of('update'), /^# 🔴 2 more problems: shop\/checkout/m);
		assert.match(of('update'), /1 problem of this rule was told before/);
	});

	it('of an update has no part of a policy, which would be without what was told before', () => {
		const { notice, rendering } = GOLDENS.find(({ name }) => name === 'update') as Golden;
		assert.match(
			of('update'),
			/\*Instead:\* select the Pods by their labels .*\. The whole suggestion stands in the message that opened the alert/,
		);
		assert.not.match(of('update'), /podSelector:/);
		const { suggested_yaml: yaml, suggested_place: place } = toJsonMessage(notice, rendering);
		assert.equal([yaml, place], [null, null]);
		assert.match(of('repeat'), /Beside peer 0, which stays .*:\n```\nfrom:\n {2}- podSelector:/);
	});

	it('has the catalogue’s code as code, to be copied', () => {
		assert.match(of('port-protocol-only-a-port-entry-with-a-protocol-only'), /or leave `ports` out/);
		const [some] = threeClients() as [Judged];
		for (const construct of Object.keys(CONSTRUCTS) as ConstructId[]) {
			const alert = alertOf([some], { group: { ...groupOf(some.problem), construct } });
			const shown = readable(toSlackMessage({ id: 'm', kind: 'alert', alert }, renderingOf([])));
			const { explanation, suggestion } = CONSTRUCTS[construct];
			for (const sentence of [explanation.slice(1), suggestion.slice(1)]) assert.ok(shown.includes(sentence), `${sentence} in\n${shown}`);
			for (const sentence of [explanation, suggestion]) assert.is(sentence.split('`').length % 2, 1, `code that does not end: ${sentence}`);
			assert.not.match(shown, /ˋ/);
		}
	});

	it('of a resolved alert is short, and says why and how long', () => {
		assert.match(of('resolved-quiet'), /Quiet: no such entry since 2026-03-04 14:31 UTC\.\nIt lasted 27 min/);
		assert.match(of('resolved-fixed'), /Fixed by a change to shop\/checkout at 2026-03-04 14:32 UTC/);
		assert.match(of('resolved-judged-again'), /no longer flagged/);
		for (const name of ['resolved-quiet', 'resolved-fixed', 'resolved-judged-again']) {
			assert.ok(of(name).startsWith('🟢 Over: '));
			assert.ok(of(name).length < 700);
		}
	});

	it('links to the construct’s own page, or to the first link of the catalogue', () => {
		const links = (name: string) => {
			const { notice, rendering } = GOLDENS.find((golden) => golden.name === name) as Golden;
			return JSON.stringify(toSlackMessage(notice, rendering));
		};
		assert.ok(links('three-clients').includes('<https://github.com/example/policy-action-audit/blob/main/docs/constructs.md#ipblock-pod|'));
		assert.ok(links('three-clients-without-page').includes(`<${CONSTRUCTS['ipblock-pod'].links[0]}|`));
	});

	it('has of many alerts the worst first, then those of the most packets, then of the most entries', () => {
		const { notice } = GOLDENS.find(({ name }) => name === 'bundle-firing') as Golden;
		const [base] = notice.kind === 'bundle' ? notice.alerts : [];
		if (!base) throw new Error('a bundle has alerts');
		const told = (id: string, severity: Severity, packets: number | null, entries: number): Alert => ({
			...base,
			id,
			group: { ...base.group, severity },
			problems: base.problems.map((problem) => ({ ...problem, packets, entries })),
		});
		const sorted = [
			told('b', 'high', 9, 1),
			told('e', 'high', 5, 8),
			told('c', 'high', 5, 7),
			told('d', 'high', 5, 7),
			told('a', 'medium', 1_000, 1),
			told('f', 'medium', null, 90),
			told('g', 'low', 5_000, 1),
		];
		const ids = (alerts: readonly Alert[]) => alerts.map(({ id }) => id).join('');
		assert.is(ids(bySeverity([...sorted].reverse())), ids(sorted));
		assert.is(ids(bySeverity(sorted)), 'becdafg');
	});

	it('is since the first of its times, with a fraction of a second or without', () => {
		const { notice } = GOLDENS.find(({ name }) => name === 'bundle-firing') as Golden;
		const [base] = notice.kind === 'bundle' ? notice.alerts : [];
		const since = (...times: string[]) => sinceOf(times.map((firstSeen) => ({ ...(base as Alert), firstSeen })));
		assert.is(since('2026-03-04T14:02:11.25Z', '2026-03-04T14:02:11Z'), '2026-03-04T14:02:11Z');
		assert.is(since('2026-03-04T14:02:11Z', '2026-03-04T14:02:11.25Z', '2026-03-04T14:02:12Z'), '2026-03-04T14:02:11Z');
	});

	it('is the same each time', () => {
		for (const golden of GOLDENS) assert.equal(bodiesOf(golden), bodiesOf(golden));
	});
});
