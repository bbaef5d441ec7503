import { is } from 'uvu/assert';
import { isSilenced } from '../../functions/alert/silence.ts';
import type { Silence } from '../../functions/ports.ts';
import { describe } from '../describe.ts';
import { fingerprintOf, problemOf } from './sample.ts';

const silence = (matchers: Partial<Silence>): Silence => ({
	id: 's',
	fingerprint: null,
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
