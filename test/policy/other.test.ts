import * as assert from 'uvu/assert';
import type { Labels, OtherPolicy } from '../../functions/policy/model.ts';
import { compileOthers, type DirectionEffects, type OtherEffects } from '../../functions/policy/other.ts';
import { CALICO, CILIUM } from '../../functions/policy/semantics.ts';
import { describe } from '../describe.ts';
import { other } from './cluster.ts';

const one = (policy: OtherPolicy): OtherEffects => {
	const [first, ...rest] = compileOthers([policy]);
	if (!first || rest.length > 0) throw new Error(`${rest.length}`);
	return first;
};
const selects = (policy: OtherPolicy, pod: Labels = {}, labels: Labels = {}, name = 'default') =>
	one(policy).selects(pod, { name, labels });
const brief = ({ isolates, admits, denies }: DirectionEffects) => [isolates, admits, denies];
const NOTHING = [false, [], []];
const TCP_53 = { protocol: 'TCP', first: 53, last: 53 };

describe('an FQDNNetworkPolicy', (it) => {
	const fqdn = (spec: object) => other('FQDNNetworkPolicy', spec, { namespace: 'default' });

	it('isolates for egress whom it selects, and admits its ports to the outside', () => {
		const ports = [{ protocol: 'TCP', port: 443 }];
		const effects = one(fqdn({ podSelector: {}, egress: [{ matches: [{ name: 'example.com' }], ports }] }));
		assert.equal([effects.acts, effects.egress.outsideOnly], [CALICO | CILIUM, true]);
		assert.equal(brief(effects.ingress), NOTHING);
		assert.equal(brief(effects.egress), [true, [{ protocol: 'TCP', first: 443, last: 443 }], []]);
		assert.equal(brief(one(fqdn({ egress: [{ matches: [] }] })).egress), [true, [{}], []]);
	});

	it('selects by label in its own namespace', () => {
		const policy = fqdn({ podSelector: { matchLabels: { app: 'web' } } });
		assert.equal(
			[selects(policy, { app: 'web' }), selects(policy, { app: 'db' }), selects(policy, { app: 'web' }, {}, 'other')],
			[true, false, false],
		);
	});

	it('reads every operator, on what objects have of their own', () => {
		const by = (operator: string, values?: string[]) => fqdn({ podSelector: { matchExpressions: [{ key: 'app', operator, values }] } });
		const of = (operator: string, values?: string[]) =>
			[{ app: 'web' }, { app: 'db' }, {}].map((pod) => selects(by(operator, values), pod));
		assert.equal(of('In', ['web']), [true, false, false]);
		assert.equal(of('NotIn', ['web']), [false, true, true]);
		assert.equal(of('Exists'), [true, true, false]);
		assert.equal(of('DoesNotExist'), [false, false, true]);
		assert.is(selects(fqdn({ podSelector: { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] } })), false);
	});
});

describe('a Cilium policy', (it) => {
	const cnp = (spec: unknown) => other('CiliumNetworkPolicy', spec, { namespace: 'default' });
	const select = (matchLabels: object) => ({ endpointSelector: { matchLabels } });

	it('isolates in a direction that has rules, unless it says otherwise', () => {
		const effects = one(
			cnp({ endpointSelector: {}, ingress: [{}], egressDeny: [{ toPorts: [{ ports: [{ port: '53', protocol: 'TCP' }] }] }] }),
		);
		assert.equal(brief(effects.ingress), [true, [{}], []]);
		assert.equal(brief(effects.egress), [true, [], [TCP_53]]);
		assert.equal([effects.acts, effects.egress.outsideOnly], [CALICO | CILIUM, false]);
		const open = one(cnp({ endpointSelector: {}, ingress: [{}], egress: [{}], enableDefaultDeny: { ingress: false, egress: true } }));
		assert.equal([open.ingress.isolates, open.egress.isolates], [false, true]);
		assert.equal(brief(one(cnp({ endpointSelector: {} })).ingress), NOTHING);
		assert.is(one(cnp({ endpointSelector: {}, ingressDeny: [{}] })).ingress.isolates, true);
	});

	it('may have several specs', () => {
		const specs = [
			{ ...select({ app: 'web' }), ingress: [{}] },
			{ ...select({ app: 'db' }), egress: [{}] },
		];
		const compiled = compileOthers([cnp(specs)]);
		assert.equal(
			compiled.map(({ selects: by }) => [{ app: 'web' }, { app: 'db' }].map((pod) => by(pod, { name: 'default', labels: {} }))),
			[
				[true, false],
				[false, true],
			],
		);
	});

	it('of nodes concerns no Pod', () => {
		assert.equal(compileOthers([other('CiliumClusterwideNetworkPolicy', { nodeSelector: {}, ingress: [{}] })]), []);
	});

	it('selects in its own namespace, or cluster-wide', () => {
		const wide = other('CiliumClusterwideNetworkPolicy', { endpointSelector: {} });
		assert.equal(
			[cnp({ endpointSelector: {} }), wide].map((policy) => selects(policy, {}, {}, 'other')),
			[false, true],
		);
		assert.equal(
			[cnp({ endpointSelector: {} }), wide].map((policy) => selects(policy)),
			[true, true],
		);
	});

	it('selects by keys with a source, and by the namespace and its labels', () => {
		assert.is(selects(cnp(select({ 'k8s:app': 'web' })), { app: 'web' }), true);
		assert.is(selects(cnp(select({ 'any:app': 'web' })), { app: 'db' }), false);
		assert.is(selects(cnp(select({ 'k8s:io.kubernetes.pod.namespace': 'default' }))), true);
		assert.is(selects(cnp(select({ 'io.kubernetes.pod.namespace': 'other' }))), false);
		const ofNamespace = cnp(select({ 'io.cilium.k8s.namespace.labels.team': 'red' }));
		assert.equal([selects(ofNamespace, {}, { team: 'red' }), selects(ofNamespace, {}, { team: 'blue' })], [true, false]);
		const expressions = [{ key: 'k8s:app', operator: 'NotIn', values: ['web'] }];
		assert.is(selects(cnp({ endpointSelector: { matchExpressions: expressions } }), { app: 'web' }), false);
		assert.is(selects(cnp({ endpointSelector: { matchExpressions: expressions } }), { app: 'db' }), true);
	});

	it('may select by labels that a snapshot does not hold', () => {
		for (const key of ['reserved:host', 'k8s:io.cilium.k8s.policy.serviceaccount', 'io.cilium.k8s.policy.cluster'])
			assert.is(selects(cnp(select({ [key]: 'x' }))), 'maybe', key);
		const expression = [{ key: 'reserved:health', operator: 'Exists' }];
		assert.is(selects(cnp({ endpointSelector: { matchExpressions: expression } })), 'maybe');
		assert.is(selects(cnp(select({ 'reserved-for': 'x' }))), false);
	});
});

describe('a cluster-wide policy', (it) => {
	const admin = (spec: object) => other('AdminNetworkPolicy', spec);

	it('accepts and denies by its rules, and isolates nobody', () => {
		const rules = { subject: { namespaces: {} }, ingress: [{ action: 'Deny', ports: [{ portNumber: { protocol: 'TCP', port: 53 } }] }] };
		for (const kind of ['AdminNetworkPolicy', 'BaselineAdminNetworkPolicy', 'ClusterNetworkPolicy']) {
			const effects = one(other(kind, { ...rules, egress: [{ action: 'Allow' }, { action: 'Pass' }] }));
			assert.equal(
				[effects.acts, brief(effects.ingress), brief(effects.egress)],
				[CALICO | CILIUM, [false, [], [TCP_53]], [false, [{}], []]],
			);
		}
		assert.equal(brief(one(other('ClusterNetworkPolicy', { egress: [{ action: 'Accept' }] })).egress), [false, [{}], []]);
		assert.equal(brief(one(admin({ egress: [{ action: 'Pass' }, {}] })).egress), NOTHING);
	});

	it('selects namespaces, or Pods in them', () => {
		const red = { matchLabels: { team: 'red' } };
		const byNamespace = admin({ subject: { namespaces: red } });
		assert.equal([selects(byNamespace, {}, { team: 'red' }), selects(byNamespace, { team: 'red' })], [true, false]);
		const byPod = admin({ subject: { pods: { namespaceSelector: red, podSelector: { matchLabels: { app: 'web' } } } } });
		assert.is(selects(byPod, { app: 'web' }, { team: 'red' }), true);
		assert.is(selects(byPod, { app: 'db' }, { team: 'red' }), false);
		assert.is(selects(byPod, { app: 'web' }, {}), false);
	});
});

describe('a policy of Calico’s', (it) => {
	const CRD = { apiVersion: 'crd.projectcalico.org/v1' };
	const global = (spec: object) => other('GlobalNetworkPolicy', spec, CRD);
	const local = (spec: object) => other('NetworkPolicy', spec, { apiVersion: 'projectcalico.org/v3', namespace: 'default' });

	it('acts before the move only, and may admit and deny', () => {
		const rules = [{ action: 'Allow', protocol: 'TCP', destination: { ports: [53] } }, { action: 'Deny' }, { action: 'Log' }];
		const effects = one(global({ types: ['Ingress', 'Egress'], ingress: rules }));
		assert.is(effects.acts, CALICO);
		assert.equal(brief(effects.ingress), [true, [TCP_53], [{}]]);
		assert.equal(brief(effects.egress), [true, [], []]);
	});

	it('has the types it names, else those of its rules, else Ingress', () => {
		const isolates = (spec: object) => [one(global(spec)).ingress.isolates, one(global(spec)).egress.isolates];
		assert.equal(isolates({ types: ['Egress'], ingress: [{}] }), [false, true]);
		assert.equal(isolates({}), [true, false]);
		assert.equal(isolates({ ingress: [{}] }), [true, false]);
		assert.equal(isolates({ egress: [{}] }), [false, true]);
		assert.equal(isolates({ ingress: [{}], egress: [{}] }), [true, true]);
	});

	it('selects by its own language, in its namespace where it has one', () => {
		assert.equal([selects(local({})), selects(local({}), {}, {}, 'other'), selects(global({}), {}, {}, 'other')], [true, false, true]);
		assert.equal(
			[selects(global({ selector: 'app == "web"' }), { app: 'web' }), selects(global({ selector: 'app == "web"' }))],
			[true, false],
		);
		const byNamespace = global({ namespaceSelector: 'team == "red"' });
		assert.equal([selects(byNamespace, {}, { team: 'red' }), selects(byNamespace, { team: 'red' })], [true, false]);
		const named = global({ namespaceSelector: 'projectcalico.org/name == "default"' });
		assert.equal([selects(named), selects(named, {}, {}, 'other')], [true, false]);
	});

	it('knows the labels that Calico gives workloads, but not those of a service account', () => {
		assert.is(selects(global({ selector: 'projectcalico.org/orchestrator == "k8s"' })), true);
		assert.is(selects(global({ selector: 'projectcalico.org/namespace == "other"' })), false);
		for (const selector of ['projectcalico.org/serviceaccount == "x"', 'has(pcsa.role)', 'pcns.team == "x"'])
			assert.is(selects(global({ selector })), 'maybe', selector);
		assert.is(selects(global({ serviceAccountSelector: 'all()' })), 'maybe');
	});

	it('may select anybody where its selector cannot be read', () => {
		assert.is(selects(global({ selector: 'app = web' })), 'maybe');
		assert.is(selects(global({ namespaceSelector: '???' })), 'maybe');
		assert.is(selects(global({ selector: 'app == "db"', namespaceSelector: '???' }), { app: 'web' }), false);
	});
});

describe('policies of other kinds', (it) => {
	it('may do anything to the Pods of their namespace where their spec could not be read', () => {
		const own = other('CiliumNetworkPolicy', null, { namespace: 'default' });
		assert.equal([selects(own), selects(own, {}, {}, 'other')], ['maybe', false]);
		const { acts, ingress, egress } = one(own);
		assert.equal([acts, brief(ingress), brief(egress)], [CALICO | CILIUM, [true, [{}], [{}]], [true, [{}], [{}]]]);
		const calico = one(other('GlobalNetworkPolicy', null, { apiVersion: 'crd.projectcalico.org/v1' }));
		assert.equal([calico.acts, calico.selects({}, { name: 'x', labels: {} })], [CALICO, 'maybe']);
		for (const kind of ['Tier', 'NetworkSet', 'GlobalNetworkSet']) assert.equal(compileOthers([other(kind, null)]), []);
	});

	it('are none where they decide nothing', () => {
		const kinds = [other('Tier', {}), other('GlobalNetworkSet', {}), other('NetworkPolicy', {}, { apiVersion: 'networking.k8s.io/v1' })];
		assert.equal(compileOthers(kinds), []);
		assert.equal(compileOthers([other('CiliumNetworkPolicy', {})]), []);
	});

	it('never make it throw, whatever their spec is', () => {
		const hostile = { toString: 1, valueOf: 1 };
		const podSelector = { matchExpressions: [{ key: hostile, operator: 'Exists' }] };
		assert.is(selects(other('FQDNNetworkPolicy', { podSelector }, { namespace: 'default' })), false);
		const kinds = ['FQDNNetworkPolicy', 'CiliumNetworkPolicy', 'AdminNetworkPolicy', 'GlobalNetworkPolicy'];
		const rules = [hostile, null, 7, { action: hostile, ports: [hostile], toPorts: [{ ports: [{ port: hostile, protocol: hostile }] }] }];
		const selector = { matchLabels: hostile, matchExpressions: [{ key: hostile, operator: hostile, values: hostile }, null] };
		const spec = {
			endpointSelector: selector,
			podSelector: selector,
			subject: { pods: selector },
			selector: hostile,
			types: [hostile, null],
		};
		for (const kind of kinds)
			for (const value of [undefined, null, 7, 'x', [], hostile, { ...spec, ingress: rules, egress: rules, ingressDeny: rules }])
				for (const effects of compileOthers([other(kind, value, { apiVersion: 'projectcalico.org/v3', namespace: 'default' })]))
					assert.not.throws(() => effects.selects({ app: 'web' }, { name: 'default', labels: {} }), kind);
	});
});
