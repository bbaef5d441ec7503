import { is } from 'uvu/assert';
import { isSilenced } from '../../functions/alert/silence.ts';
import type { Silence } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { fingerprintOf, PROD, problemOf } from './sample.ts';

const silence = (matchers: Partial<Silence>): Silence => ({
	id: 's',
	fingerprint: null,
	projectId: null,
	location: null,
	clusterName: null,
	subjectNamespace: null,
	subjectWorkload: null,
	construct: null,
	policyNamespace: null,
	policyName: null,
	...matchers,
});

const MATCHING: readonly Partial<Silence>[] = [
	{ fingerprint: fingerprintOf() },
	{ projectId: 'shop-prod' },
	{ location: 'europe-west1' },
	{ clusterName: 'prod' },
	{ subjectNamespace: 'shop' },
	{ subjectWorkload: 'db' },
	{ construct: 'ipblock-pod' },
	{ policyNamespace: 'shop' },
	{ policyName: 'db' },
];

describe('a silence', (it) => {
	it('matches by each of its matchers, and not where one of them differs', () => {
		for (const matchers of MATCHING) {
			const [name, value] = Object.entries(matchers)[0] as [keyof Silence, string];
			is(isSilenced(problemOf(), [silence(matchers)]), true, name);
			is(isSilenced(problemOf(), [silence({ [name]: `${value}x` })]), false, name);
			is(isSilenced(problemOf(), [silence({ ...Object.assign({}, ...MATCHING), [name]: `${value}x` })]), false, `all but ${name}`);
		}
		is(isSilenced(problemOf(), [silence(Object.assign({}, ...MATCHING))]), true, 'all at once');
	});

	it('that names nothing silences nothing', () => is(isSilenced(problemOf(), [silence({})]), false));
	it('is enough where it is one of several', () =>
		is(isSilenced(problemOf(), [silence({ clusterName: 'x' }), silence({ clusterName: 'prod' })]), true));

	it('of one cluster is none of another of that name', () => {
		const [ofOne, ofName] = [
			silence({ projectId: 'shop-prod', location: 'europe-west1', clusterName: 'prod' }),
			silence({ clusterName: 'prod' }),
		];
		for (const cluster of [
			{ ...PROD, project: 'shop-test' },
			{ ...PROD, location: 'us-central1' },
			{ location: PROD.location, name: PROD.name },
		]) {
			is(isSilenced(problemOf({ cluster }), [ofOne]), false, JSON.stringify(cluster));
			is(isSilenced(problemOf({ cluster }), [ofName]), true, JSON.stringify(cluster));
		}
	});

	it('without a project matches entries that name none', () => {
		const cluster = { location: PROD.location, name: PROD.name };
		is(isSilenced(problemOf({ cluster }), [silence({ location: PROD.location, clusterName: 'prod' })]), true);
		is(isSilenced(problemOf({ cluster }), [silence({ location: 'us-central1', clusterName: 'prod' })]), false);
	});

	it('knows a policy without a namespace, and an end that is no workload', () => {
		const clusterWide = problemOf({ policy: 'lockdown', subject: 'pod' });
		is(isSilenced(clusterWide, [silence({ policyName: 'lockdown' })]), true);
		is(isSilenced(clusterWide, [silence({ policyNamespace: 'lockdown' })]), false);
		is(isSilenced(clusterWide, [silence({ subjectNamespace: 'pod' })]), false);
	});

	it('reads no part of a fingerprint that it does not know', () => {
		const unknown = { ...problemOf(), fingerprint: 'of another version' };
		is(isSilenced(unknown, [silence({ subjectNamespace: 'shop' })]), false);
		is(isSilenced(unknown, [silence({ fingerprint: 'of another version' })]), true);
	});
});
