import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Refusal } from '../protocol/refusal.ts';
import { checkWebhookUrl } from './webhook-urls.ts';

const refuses = (url: string, message: RegExp, policy: 'public' | 'any' = 'public') =>
  assert.throws(
    () => checkWebhookUrl(url, policy),
    (cause) => cause instanceof Refusal && message.test(cause.message),
    url,
  );

describe('the URL of a webhook', () => {
  for (const url of [
    'https://example.com',
    'https://example.com:443/hooks?a=b',
    'https://EXAMPLE.com./x',
    'https://bücher.example.org',
    'https://8.8.8.8/',
    'https://172.15.0.1',
    'https://172.32.0.1',
    'https://100.63.0.1',
    'https://192.0.3.1',
    'https://223.255.255.255',
    'https://[2606:4700::1111]/',
    'https://[2a00::]',
    'https://notlocalhost.com',
    'https://localhost.example.com',
  ]) {
    test(`may be ${url}`, () => checkWebhookUrl(url, 'public'));
  }

  for (const [url, message] of [
    ['http://example.com', /https:\/\//],
    ['ftp://example.com', /https:\/\//],
    ['https://example.com:8443', /port 443/],
    ['https://user@example.com', /user name/],
    ['https://:pw@example.com', /password/],
    ['https://example.com/#x', /fragment/],
    ['example.com', /must be a URL/],
    ['https://', /must be a URL/],
    ['javascript:alert(1)', /https:\/\//],
  ] as const) {
    test(`is not ${url}`, () => refuses(url, message));
  }

  for (const url of [
    'https://localhost',
    'https://LOCALHOST.',
    'https://a.localhost',
    'https://intranet',
    'https://db.internal',
    'https://printer.local',
    'https://router.home.arpa',
    'https://127.0.0.1',
    'https://127.1',
    'https://0x7f000001',
    'https://2130706433',
    'https://0177.0.0.1',
    'https://0.0.0.0',
    'https://10.1.2.3',
    'https://100.64.0.1',
    'https://100.127.255.255',
    'https://169.254.169.254',
    'https://172.16.0.1',
    'https://172.31.255.255',
    'https://192.168.1.1',
    'https://192.0.0.1',
    'https://198.18.0.1',
    'https://198.19.255.255',
    'https://224.0.0.1',
    'https://255.255.255.255',
    'https://①②⑦.0.0.1',
    'https://[::1]',
    'https://[::]',
    'https://[::ffff:127.0.0.1]',
    'https://[::ffff:8.8.8.8]',
    'https://[64:ff9b::7f00:1]',
    'https://[fe80::1]',
    'https://[fc00::1]',
    'https://[fd12:3456::1]',
    'https://[ff02::1]',
    'https://[2001:db8::1]',
    'https://[2001::1]',
    'https://[2002:7f00:1::]',
    'https://[3fff::1]',
  ]) {
    test(`is not ${url}`, () => refuses(url, /is not a public host/));
  }

  test('in development may be anything that speaks HTTP', () => {
    for (const url of ['http://127.0.0.1:3000/x', 'https://localhost', 'http://[::1]:1'])
      checkWebhookUrl(url, 'any');
    refuses('ftp://localhost', /http or https/, 'any');
    refuses('http://user:pw@localhost', /user name/, 'any');
  });
});
