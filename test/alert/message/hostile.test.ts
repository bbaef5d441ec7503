import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import type { Alert, Group, Notice, Rendering } from '../../../functions/alert/alert.ts';
import type { SlackMessage } from '../../../functions/alert/message/blocks.ts';
import { toJsonMessage } from '../../../functions/alert/message/json.ts';
import { toPlainMessage, toSlackMessage } from '../../../functions/alert/message/slack.ts';
import { CONSTRUCTS, type ConstructId } from '../../../functions/policy/constructs.ts';
import { FINDINGS } from '../../../functions/policy/finding.ts';
import type { ClusterKey, Problem, ProblemDetail } from '../../../functions/ports.ts';
import { describe } from '../../describe.ts';
import { findProblems, lengthOfTexts } from './limits.ts';
import { WICKED } from './notices.ts';

const SEED = Number(process.env['FUZZ_SEED'] ?? 20261125);
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 100);

const schema = JSON.parse(readFileSync(new URL('../../../schemas/alert.schema.json', import.meta.url), 'utf8')) as Record<string, unknown>;
const validate = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false }).compile(schema);

const FRAGMENTS = [
	...[
		'<!channel>',
		'<!here>',
		'@everyone',
		'@here',
		'#general',
		'<@U123>',
		'<https://evil.example|click>',
		'https://evil.example',
		'&lt;',
		'&',
	],
	...[
		'```',
		'`',
		'*',
		'_',
		'~',
		'|',
		'\n',
		'\r\n',
		'\t',
		'\0',
		'\u202e',
		'\u2066',
		'\ud800',
		'\udc00',
		'😀',
		':100:',
		'\\',
		"'",
		'"',
		'$(x)',
		'%',
	],
	...[
		'default',
		'ipBlock 10.0.0.0/8',
		'2001:db8:100::7',
		'x'.repeat(253),
		'<'.repeat(500),
		'&'.repeat(3_000),
		'`'.repeat(100),
		'😀'.repeat(700),
	],
];
const text: fc.Arbitrary<string> = fc.oneof(
	{ weight: 4, arbitrary: fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 8 }).map((parts) => parts.join('')) },
	{ weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 300 }) },
	{ weight: 1, arbitrary: fc.constantFrom(WICKED.repeat(800), '', ' ', 'n'.repeat(40_000), '\ud800'.repeat(5_000)) },
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const count = fc.nat({ max: 2 ** 40 });
const time = fc.oneof(
	fc.date({ min: new Date('2020-01-01'), max: new Date('2030-01-01'), noInvalidDate: true }).map((date) => date.toISOString()),
	text,
);
const finding = fc.constantFrom(...FINDINGS);
const construct = fc.constantFrom(...(Object.keys(CONSTRUCTS) as ConstructId[]));
const cluster: fc.Arbitrary<ClusterKey> = fc.record({ project: text, location: text, name: text }, { requiredKeys: ['location', 'name'] });
const fingerprint = fc.oneof(
	text,
	fc.array(text, { minLength: 10, maxLength: 10 }).map((parts) => parts.join('|')),
	fc
		.tuple(finding, construct, text)
		.map((parts) => `p/l/c|${parts[0]}|${parts[1]}|ingress|a/Pod/b|${parts[2].replaceAll('|', '')}|80|TCP|n/p|00`),
);

const problem: fc.Arbitrary<Problem> = fc.record({
	fingerprint,
	cluster,
	finding,
	firstSeen: time,
	lastSeen: time,
	entries: count,
	packets: maybe(count),
	sources: count,
	unsettled: fc.boolean(),
});

const direction = fc.constantFrom('ingress' as const, 'egress' as const);
const detail: fc.Arbitrary<ProblemDetail> = fc.record({
	fingerprint: text,
	direction,
	disposition: fc.constantFrom('allow' as const, 'deny' as const),
	subjectNamespace: maybe(text),
	subjectWorkloadKind: maybe(text),
	subjectWorkload: maybe(text),
	subjectName: maybe(text),
	subjectIp: maybe(text),
	peerKind: maybe(text),
	peerNamespace: maybe(text),
	peerWorkloadKind: maybe(text),
	peerWorkload: maybe(text),
	peerName: maybe(text),
	peerIp: maybe(text),
	peerLabels: maybe(fc.oneof(text, fc.constant('app=web,version=1,tier=yes'))),
	protocol: maybe(fc.oneof(text, fc.constant('TCP'))),
	port: maybe(fc.nat({ max: 70_000 })),
	certainty: maybe(fc.constantFrom('certain' as const, 'likely' as const)),
	reasons: fc.array(text, { maxLength: 30 }),
	policyKind: maybe(text),
	policyNamespace: maybe(text),
	policyName: maybe(fc.oneof(text, fc.constant('api'))),
	policyDirection: maybe(direction),
	rule: maybe(fc.nat({ max: 99 })),
	peer: maybe(fc.nat({ max: 99 })),
	portEntry: maybe(fc.nat({ max: 99 })),
	clause: maybe(text),
	construct: maybe(text),
	summary: text,
	firstSeen: text,
	lastSeen: text,
	entries: count,
	packets: maybe(count),
});

const group: fc.Arbitrary<Group> = fc.record(
	{
		id: text,
		cluster,
		finding,
		construct,
		direction: fc.oneof(direction, text),
		policy: text,
		counted: fc.constantFrom('contradicted' as const, 'late-reply' as const),
		severity: fc.constantFrom('high' as const, 'medium' as const, 'low' as const),
	},
	{ requiredKeys: ['id', 'cluster', 'finding', 'direction', 'severity'] },
);
const state = fc.constantFrom('firing' as const, 'update' as const, 'repeat' as const, 'resolved' as const);
const resolution = fc.oneof(
	fc.record({ kind: fc.constant('quiet' as const), since: time }),
	fc.record({ kind: fc.constant('fixed' as const), policy: text, at: time }),
	fc.constant({ kind: 'judged-again' as const }),
);
const alert: fc.Arbitrary<Alert> = fc.record(
	{
		id: text,
		state,
		group,
		problems: fc.array(problem, { maxLength: 8, size: 'max' }),
		known: count,
		firstSeen: time,
		lastSeen: time,
		resolution,
	},
	{ requiredKeys: ['id', 'state', 'group', 'problems', 'known', 'firstSeen', 'lastSeen'] },
);
const alerts = fc.array(alert, { minLength: 1, maxLength: 6 });
const notice: fc.Arbitrary<Notice> = fc.oneof(
	{ weight: 3, arbitrary: fc.record({ id: text, kind: fc.constant('alert' as const), alert }) },
	{ weight: 1, arbitrary: fc.record({ id: text, kind: fc.constant('bundle' as const), cluster, state, alerts }) },
	{ weight: 1, arbitrary: fc.record({ id: text, kind: fc.constant('overflow' as const), alerts }) },
);

/** Details of the notice's own problems: by chance one would never meet its fingerprint. */
function renderingOf(told: Notice, { details, dataset, page, counted }: Written): Rendering {
	const problems = told.kind === 'alert' ? told.alert.problems : told.alerts.flatMap((one) => one.problems);
	return {
		details: new Map(problems.flatMap(({ fingerprint: id }, index) => (details[index] ? [[id, details[index]]] : []))),
		dataset,
		constructsUrl: page,
		counts: () => counted,
	};
}
interface Written {
	readonly details: readonly ProblemDetail[];
	readonly dataset: string;
	readonly page: string | undefined;
	readonly counted: Readonly<Record<'contradicted' | 'late-reply', number>>;
}
const written: fc.Arbitrary<Written> = fc.record({
	details: fc.array(detail, { maxLength: 8, size: 'max' }),
	dataset: fc.constantFrom('shop-prod.policy_audit', `p.${'d'.repeat(1024)}`),
	page: fc.constantFrom(undefined, 'https://docs.example/constructs.md', `https://docs.example/${'x'.repeat(2_000)}`),
	counted: fc.record({ contradicted: count, 'late-reply': count }),
});

/** What would ping, link, hide or turn text around, and is not one of our links. */
function leaksOf({ text: fallback, blocks }: SlackMessage): string[] {
	const texts = [
		fallback,
		...blocks.flatMap((block) => {
			if (block.type === 'header') return [block.text.text];
			if (block.type === 'section') return [block.text, ...(block.fields ?? [])].map((object) => object?.text ?? '');
			return block.elements.map((element) => ('text' in element ? element.text : ''));
		}),
	];
	const links = texts.flatMap((one) => [...one.matchAll(/<([^|>]*)/g)].map(([, url = '']) => url));
	const bad = links.filter(
		(url) => !/^https:\/\/(console\.cloud\.google\.com|cloud\.google\.com|docs\.cilium\.io|github\.com|docs\.example)\//.test(url),
	);
	// Blocks of code have escapes of their own; in all else a word of Slack's is broken up.
	const outside = texts.map((one) => one.replace(/```[\s\S]*?```/g, '').replace(/<[^>]*>/g, ''));
	const words = outside
		.flatMap((one) => one.match(/@(?:here|channel|everyone)|[\p{Cc}\u202e\u2066]|\p{Cs}/gu) ?? [])
		.filter((sign) => sign !== '\n');
	const urls = outside.map((one) => one.replace(/`[^`]*`/g, '')).flatMap((one) => one.match(/https?:\/\//g) ?? []);
	const verbatim = JSON.stringify(blocks).match(/"mrkdwn","text":"(?:[^"\\]|\\.)*"(?!,"verbatim":true)/g) ?? [];
	return [...bad, ...words, ...urls, ...verbatim];
}

describe('messages of hostile input', (it) => {
	it(`stay within Slack's limits, ping and link nothing, and are the same each time (seed ${SEED})`, () => {
		fc.assert(
			fc.property(notice, written, (told, made) => {
				const rendering = renderingOf(told, made);
				const slack = toSlackMessage(told, rendering);
				assert.equal(findProblems(slack), []);
				assert.equal(leaksOf(slack), []);
				const plain = toPlainMessage(told, rendering);
				assert.equal(findProblems(plain), []);
				assert.ok(plain.text.length <= 1_000);
				assert.equal(toSlackMessage(told, rendering), slack);
			}),
			{ seed: SEED, numRuns: RUNS },
		);
	});

	it(`are JSON that the schema takes, of less than a line of the log (seed ${SEED})`, () => {
		fc.assert(
			fc.property(notice, written, (told, made) => {
				const rendering = renderingOf(told, made);
				const json = JSON.stringify(toJsonMessage(told, rendering));
				assert.ok(validate(JSON.parse(json)), JSON.stringify(validate.errors));
				assert.ok(Buffer.byteLength(json) < 256_000, `${Buffer.byteLength(json)} bytes`);
				assert.ok(json.isWellFormed());
				assert.is(JSON.stringify(toJsonMessage(told, rendering)), json);
			}),
			{ seed: SEED, numRuns: RUNS },
		);
	});

	it('are less than a line of the log with many problems or alerts of the longest names', () => {
		const long = '€'.repeat(3_000);
		const key: ClusterKey = { project: long, location: long, name: long };
		const one = (index: number): Problem => ({
			...{ fingerprint: `${index}${long}`, cluster: key, finding: 'void-rule', firstSeen: long, lastSeen: long },
			...{ entries: 1, packets: 1, sources: 1, unsettled: false },
		});
		const problems = Array.from({ length: 60 }, (_, index) => one(index));
		const told = (index: number): Alert => ({
			...{ id: `${index}${long}`, state: 'firing', problems, known: 0, firstSeen: long, lastSeen: long },
			group: {
				id: long,
				cluster: { ...key, name: `${index}${long}` },
				finding: 'void-rule',
				direction: long,
				policy: long,
				severity: 'high',
			},
		});
		const many = Array.from({ length: 200 }, (_, index) => told(index));
		const rendering: Rendering = { details: new Map(), dataset: 'p.d', counts: () => ({ contradicted: 0, 'late-reply': 0 }) };
		const notices: readonly Notice[] = [
			{ id: long, kind: 'alert', alert: told(0) },
			{ id: long, kind: 'bundle', cluster: key, state: 'firing', alerts: many },
			{ id: long, kind: 'overflow', alerts: many },
		];
		for (const each of notices) {
			const json = toJsonMessage(each, rendering);
			assert.ok(validate(JSON.parse(JSON.stringify(json))), JSON.stringify(validate.errors));
			const bytes = Buffer.byteLength(JSON.stringify(json));
			assert.ok(bytes > 50_000 && bytes < 200_000, `${each.kind}: ${bytes} bytes`);
			const [shown, more] = [
				json['problems'] ?? json['alerts'] ?? json['clusters'],
				json['more_problems'] ?? json['more_alerts'] ?? json['more_clusters'],
			];
			assert.is((shown as unknown[]).length + (more as number), each.kind === 'alert' ? 60 : 200);
			assert.ok((more as number) > 0);
		}
	});

	it('are as long as they may be at the worst, and still have a line of problems', () => {
		const wicked = '<'.repeat(40_000);
		const problems = Array.from(
			{ length: 60 },
			(_, index): Problem => ({
				fingerprint: `${wicked}${index}`,
				cluster: { project: wicked, location: wicked, name: wicked },
				finding: 'not-isolated',
				firstSeen: wicked,
				lastSeen: wicked,
				entries: Number.MAX_SAFE_INTEGER,
				packets: Number.MAX_SAFE_INTEGER,
				sources: Number.MAX_SAFE_INTEGER,
				unsettled: true,
			}),
		);
		const worst: Record<keyof ProblemDetail, unknown> = {
			fingerprint: wicked,
			direction: 'ingress',
			disposition: 'deny',
			subjectNamespace: wicked,
			subjectWorkloadKind: wicked,
			subjectWorkload: wicked,
			subjectName: wicked,
			subjectIp: wicked,
			peerKind: 'pod',
			peerNamespace: 'n'.repeat(63),
			peerWorkloadKind: wicked,
			peerWorkload: wicked,
			peerName: wicked,
			peerIp: wicked,
			peerLabels: Array.from({ length: 6 }, (_, index) => `${'k'.repeat(60)}${index}=${'v'.repeat(63)}`).join(','),
			protocol: wicked,
			port: 65_535,
			certainty: 'certain',
			reasons: [wicked],
			policyKind: wicked,
			policyNamespace: wicked,
			policyName: 'p'.repeat(253),
			policyDirection: wicked,
			rule: 1_000_000,
			peer: 1_000_000,
			portEntry: null,
			clause: wicked,
			construct: wicked,
			summary: wicked,
			firstSeen: wicked,
			lastSeen: wicked,
			entries: Number.MAX_SAFE_INTEGER,
			packets: Number.MAX_SAFE_INTEGER,
		};
		for (const id of Object.keys(CONSTRUCTS) as ConstructId[]) {
			const told: Notice = {
				id: wicked,
				kind: 'alert',
				alert: {
					id: wicked,
					state: 'update',
					group: {
						id: wicked,
						cluster: { location: wicked, name: wicked },
						finding: 'not-isolated',
						construct: id,
						direction: wicked,
						policy: wicked,
						severity: 'high',
					},
					problems,
					known: Number.MAX_SAFE_INTEGER,
					firstSeen: wicked,
					lastSeen: wicked,
				},
			};
			const slack = toSlackMessage(told, {
				details: new Map(problems.map(({ fingerprint: own }) => [own, worst as unknown as ProblemDetail])),
				dataset: 'shop-prod.policy_audit',
				constructsUrl: `https://docs.example/${'&'.repeat(250)}`,
				counts: () => ({ contradicted: Number.MAX_SAFE_INTEGER, 'late-reply': Number.MAX_SAFE_INTEGER }),
			});
			assert.equal(findProblems(slack), []);
			assert.ok(lengthOfTexts(slack) > 5_000, `${id}: ${lengthOfTexts(slack)}`);
			assert.match(JSON.stringify(slack), /• `[^`]+` → `[^`]+`/, id);
		}
	});
});
