/**
 * Draws an alert as Slack shows it, for the documentation: `node scripts/alert-picture.mjs` writes docs/images/alert.png. It needs Chromium,
 * named by CHROMIUM or found on the PATH, and Lato, the typeface of Slack (Debian: chromium, fonts-lato, fonts-noto-color-emoji).
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toSlackMessage } from '../functions/alert/message/slack.ts';
import { GOLDENS } from '../test/alert/message/notices.ts';

const SHOWN = 'three-clients';
const PICTURE = fileURLToPath(new URL('../docs/images/alert.png', import.meta.url));
const SIZE = { width: 860, height: 1_010 };
const MAX_BYTES = 200_000;

const STYLE = `
* { box-sizing: border-box; }
body { margin: 0; padding: 18px 20px; width: ${SIZE.width}px; background: #fff; color: #1d1c1d; font: 15px/22px Lato, 'Noto Color Emoji', sans-serif; }
.message { display: flex; gap: 12px; }
.face { flex: none; width: 36px; height: 36px; border-radius: 6px; background: #1a73e8; color: #fff; font: 900 17px/36px Lato, sans-serif; text-align: center; }
.body { flex: 1; min-width: 0; }
.from b { font-weight: 900; }
.from .app { margin: 0 6px; padding: 1px 3px; border-radius: 2px; background: #e8e8e8; color: #616061; font-size: 10px; font-weight: 700; }
.from .time { color: #616061; font-size: 12px; }
h1 { margin: 6px 0 4px; font-size: 18px; line-height: 24px; font-weight: 900; }
.section { margin: 8px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.fields { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 20px; margin: 8px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.context { margin: 8px 0; color: #616061; font-size: 13px; line-height: 18px; }
code { padding: 2px 3px 1px; border: 1px solid #1d1c1d21; border-radius: 3px; background: #1d1c1d0a; color: #c01343; font: 12px/18px 'DejaVu Sans Mono', monospace; }
pre { margin: 4px 0 0; padding: 8px; border: 1px solid #1d1c1d21; border-radius: 4px; background: #1d1c1d0a; font: 12px/17px 'DejaVu Sans Mono', monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
b { font-weight: 700; }
a { color: #1264a3; text-decoration: none; }
`;

/** mrkdwn is HTML as far as its entities go; the rest is blocks of code, code, bold and links. */
function toHtml(text) {
	return text
		.split(/```\n?([\s\S]*?)\n?```/)
		.map((part, index) => (index % 2 === 1 ? `<pre>${part}</pre>` : inline(part.replace(/\n$/, ''))))
		.join('');
}

const inline = (text) =>
	text
		.replace(/<(https?:[^|>]+)\|([^>]+)>/g, '<a href="$1">$2</a>')
		.replace(/`([^`\n]+)`/g, '<code>$1</code>')
		.replace(/(^|\s)\*([^*\n]+)\*/g, '$1<b>$2</b>');

const plainHtml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

function blockHtml(block) {
	if (block.type === 'header') return `<h1>${plainHtml(block.text.text)}</h1>`;
	if (block.type === 'context')
		return `<div class="context">${block.elements.map((element) => ('text' in element ? toHtml(element.text) : '')).join('<br>')}</div>`;
	const text = block.text ? `<div class="section">${toHtml(block.text.text)}</div>` : '';
	const fields = (block.fields ?? []).map((field) => `<div>${toHtml(field.text)}</div>`).join('');
	return `${text}${fields === '' ? '' : `<div class="fields">${fields}</div>`}`;
}

const page = ({ blocks }) => `<!doctype html><meta charset="utf-8"><style>${STYLE}</style>
<div class="message"><div class="face">P</div><div class="body">
<div class="from"><b>policy-audit</b><span class="app">APP</span><span class="time">14:32</span></div>
${blocks.map(blockHtml).join('\n')}
</div></div>`;

function findChromium() {
	const named = process.env['CHROMIUM'];
	if (named) return named;
	for (const name of ['chromium', 'chromium-browser', 'google-chrome'])
		try {
			return execFileSync('which', [name], { encoding: 'utf8' }).trim();
		} catch {
			// The next one, perhaps.
		}
	throw new Error('no Chromium: install it, or name it with CHROMIUM=/path');
}

function draw(html) {
	const folder = mkdtempSync(join(tmpdir(), 'alert-picture-'));
	try {
		const file = join(folder, 'alert.html');
		writeFileSync(file, html);
		mkdirSync(fileURLToPath(new URL('../docs/images/', import.meta.url)), { recursive: true });
		execFileSync(
			findChromium(),
			[
				...['--headless', '--no-sandbox', '--disable-gpu', '--disable-lcd-text', '--hide-scrollbars', '--force-device-scale-factor=1.1'],
				...[
					`--user-data-dir=${join(folder, 'profile')}`,
					`--window-size=${SIZE.width},${SIZE.height}`,
					`--screenshot=${PICTURE}`,
					`file://${file}`,
				],
			],
			{ stdio: 'ignore', timeout: 60_000 },
		);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

const golden = GOLDENS.find(({ name }) => name === SHOWN);
if (!golden) throw new Error(`no golden ${SHOWN}`);
draw(page(toSlackMessage(golden.notice, golden.rendering)));
const { size } = statSync(PICTURE);
if (size > MAX_BYTES) throw new Error(`${PICTURE} has ${size} bytes, more than ${MAX_BYTES}`);
console.log(`${PICTURE}: ${size} bytes`);
