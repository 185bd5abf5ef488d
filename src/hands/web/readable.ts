import type { HtmlToTextOptions } from 'html-to-text';
import { convert } from 'html-to-text';

export type ReadablePage = { readonly title: string; readonly text: string };

/** Frames around what a page says, and what nobody reads. */
const noise = ['script', 'style', 'noscript', 'template', 'svg', 'iframe', 'nav', 'form', 'button', 'img'];
const contents = ['main', 'article', '[role=main]'];
const hasContents = /<(main|article)[\s>]|role\s*=\s*["']?main/i;

/** The text of a page, with absolute URLs behind its links: of its main part, or all of it where none is marked. */
export function readablePage(html: string, url: string): ReadablePage {
  const options = (baseElements: readonly string[]): HtmlToTextOptions => ({
    wordwrap: false,
    baseElements: { selectors: [...baseElements], returnDomByDefault: true },
    // Of hostile pages: nesting without end.
    limits: { maxDepth: 200, maxChildNodes: 20_000 },
    selectors: [
      {
        selector: 'a',
        options: { linkBrackets: ['(', ')'], pathRewrite: (path: string) => absolute(path, url) },
      },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({
        selector,
        options: { uppercase: false },
      })),
      ...noise.map((selector) => ({ selector, format: 'skip' })),
    ],
  });
  const main = hasContents.test(html) ? convert(html, options(contents)).trim() : '';
  return { title: titleOf(html), text: main === '' ? convert(html, options(['body'])).trim() : main };
}

function titleOf(html: string): string {
  const [, title = ''] = /<title[^>]*>([^<]{0,1000})/i.exec(html.slice(0, 100_000)) ?? [];
  return convert(title, { wordwrap: false }).replaceAll(/\s+/g, ' ').trim();
}

function absolute(path: string, url: string): string {
  return URL.canParse(path, url) ? new URL(path, url).href : path;
}

/** Text without the tags and entities of HTML. */
export function plainText(html: string): string {
  return convert(html, { wordwrap: false, preserveNewlines: true }).trim();
}
