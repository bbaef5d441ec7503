import * as assert from 'uvu/assert';
import { parseCases } from '../cases/cases.ts';
import { describe } from '../describe.ts';
import { type KubernetesObject, policiesOf, type RuleObject } from './objects.ts';
import { answer } from './oracle.ts';
import { type Evaluate, findDisagreement, toCase } from './property.ts';

const SEED = 20261123;
const RUNS = 300;
/** A counterexample that a person can read has few objects: the policies, the ends, their Namespaces and nodes. */
const MOST_OBJECTS = 8;

type Spec = NonNullable<ReturnType<typeof policiesOf>[number]['spec']>;

/** An evaluator with one defect: the oracle, which sees the policies as a careless reader would. */
const careless =
	(misread: (spec: Spec) => Spec): Evaluate =>
	(objects, flows) => {
		const policies: readonly KubernetesObject[] = policiesOf(objects);
		const misreadObjects = objects.map((object) =>
			policies.includes(object) ? { ...object, spec: misread((object.spec ?? {}) as Spec) } : object,
		);
		return flows.map((flow) => answer(misreadObjects, flow));
	};

const inRules = (change: (rule: RuleObject) => RuleObject) =>
	careless((spec) => ({
		...spec,
		...(spec.ingress && { ingress: spec.ingress.map(change) }),
		...(spec.egress && { egress: spec.egress.map(change) }),
	}));

const inPeers = (change: (peer: NonNullable<RuleObject['from']>[number]) => object) =>
	inRules((rule) => ({
		...rule,
		...(rule.from && { from: rule.from.map(change) }),
		...(rule.to && { to: rule.to.map(change) }),
	}));

const inPorts = (change: (port: NonNullable<RuleObject['ports']>[number]) => object) =>
	inRules((rule) => ({ ...rule, ...(rule.ports && { ports: rule.ports.map(change) }) }));

const DEFECTS: Readonly<Record<string, Evaluate>> = {
	'ignores except': inPeers((peer) => (peer.ipBlock ? { ipBlock: { cidr: peer.ipBlock.cidr } } : peer)),
	'ignores endPort': inPorts(({ protocol, port }) => ({ protocol, port })),
	'reads every port entry as TCP': inPorts((port) => ({ ...port, protocol: 'TCP' })),
	'takes an empty list of peers for nobody': inRules((rule) =>
		rule.from?.length === 0 ? { ...rule, from: [{ ipBlock: { cidr: '255.255.255.255/32' } }] } : rule,
	),
	'forgets the podSelector beside a namespaceSelector': inPeers((peer) =>
		peer.namespaceSelector ? { namespaceSelector: peer.namespaceSelector } : peer,
	),
	'ignores policyTypes': careless(({ policyTypes: _, ...spec }) => spec),
	'ignores matchExpressions of the subject': careless((spec) => ({
		...spec,
		podSelector: { matchLabels: spec.podSelector?.matchLabels ?? {} },
	})),
	'lets no node through': (objects, flows) =>
		flows.map((flow) => {
			const right = answer(objects, flow);
			return flow.src.node !== undefined && right.by === null ? { verdict: 'deny', by: null } : right;
		}),
	'names one policy only': (objects, flows) =>
		flows.map((flow) => {
			const { verdict, by } = answer(objects, flow);
			return { verdict, by: by === null ? null : by.slice(0, 1) };
		}),
	'throws on a null list': (objects, flows) => {
		for (const { spec } of policiesOf(objects)) if (spec?.ingress === null) throw new Error('ingress is null');
		return flows.map((flow) => answer(objects, flow));
	},
};

describe('the property against the oracle', (it) => {
	it('holds for the oracle itself', () => {
		const evaluate: Evaluate = (objects, flows) => flows.map((flow) => answer(objects, flow));
		assert.is(findDisagreement(evaluate, { runs: RUNS, seed: SEED }), undefined);
	});

	for (const [defect, evaluate] of Object.entries(DEFECTS)) {
		it(`finds an evaluator that ${defect}, and shrinks what it found`, () => {
			const found = findDisagreement(evaluate, { runs: RUNS, seed: SEED });
			assert.ok(found, 'nothing found');
			if (!found) return;
			assert.ok(found.objects.length <= MOST_OBJECTS, `${found.objects.length} objects are left:\n${toCase(found)}`);
			assert.is(policiesOf(found.objects).length <= 2, true);
		});
	}

	it('reports what it found as a case', () => {
		const found = findDisagreement(DEFECTS['ignores except'] as Evaluate, { runs: RUNS, seed: SEED });
		if (!found) throw new Error('nothing found');
		const [read, ...others] = parseCases(toCase(found), 'pasted.yaml');
		assert.equal(others, []);
		assert.equal(read?.objects, found.objects);
		assert.equal(read?.flows[0]?.flow, found.flow);
		assert.equal(read?.flows[0]?.expect, { kubernetes: found.expected.verdict });
		assert.ok(toCase(found).includes('except:'), toCase(found));
	});
});
