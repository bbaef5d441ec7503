/**
 * `npm run test:terraform -- PLAN`: reads a plan of `terraform/examples/complete` (`terraform show -json`), and compares who may do what in it
 * with the table in docs/deploy.md. `--write` writes that table anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createChecks } from '../servers/checks.ts';
import { formatPrivileges, keyOf, type Plan, PRIVILEGES, readPrivileges } from './privileges.ts';

const DEPLOY = new URL('../../docs/deploy.md', import.meta.url);
const SECTION = /(?<=<!-- privileges -->\n)[\s\S]*?(?=<!-- \/privileges -->)/;

const [path] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
if (path === undefined) {
	console.error('which plan? npm run test:terraform -- plan.json, as `terraform show -json` prints it');
	process.exit(2);
}
const text = readFileSync(path, 'utf8');
const plan = JSON.parse(text) as Plan;
const { check, finish } = createChecks();
const privileges = readPrivileges(plan);
const found = new Set(privileges.map(keyOf));
for (const key of found) check(key in PRIVILEGES, `known: ${key}`);
for (const key of Object.keys(PRIVILEGES)) check(found.has(key), `granted: ${key}`);

const invokers = privileges.filter(({ role }) => role === 'roles/run.invoker').map(({ who, on }) => `${who} > ${on}`);
check(
	invokers.length === 4 && !text.includes('allUsers') && !text.includes('allAuthenticatedUsers'),
	`only these may call: ${invokers.join(', ')}`,
);
const types = plan.resource_changes.map(({ type }) => type);
check(!types.some((type) => /secret_version$|service_account_key$/.test(type)), 'no value of a secret and no key is in the plan');
check(types.includes('google_secret_manager_secret'), 'the secret itself is');
// What is read only during the apply is a change of the plan.
check(!types.includes('archive_file'), 'the builds are read when it is planned');

const docs = readFileSync(DEPLOY, 'utf8');
const expected = `\n${formatPrivileges(privileges)}\n\n`;
if (process.argv.includes('--write'))
	writeFileSync(
		DEPLOY,
		docs.replace(SECTION, () => expected),
	);
else check(SECTION.exec(docs)?.[0] === expected, 'docs/deploy.md has this table (`--write` writes it)');
finish();
