/**
 * What `allow_package_managers` opens, unless `anthill.yaml` names other hosts (spec/environments.md, Networking).
 * A registry's domain has its hosts for indexes, files and mirrors.
 */
export const packageHostsDefault: readonly string[] = [
  // Code
  'github.com',
  '*.github.com',
  '*.githubusercontent.com',
  'gitlab.com',
  'bitbucket.org',
  // Node
  '*.npmjs.org',
  '*.yarnpkg.com',
  'nodejs.org',
  // Python: not the apex of its file host, and not the index for tests
  'pypi.org',
  '*.pythonhosted.org',
  // Rust
  'crates.io',
  '*.crates.io',
  '*.rust-lang.org',
  // Go
  '*.golang.org',
  // Java
  '*.maven.org',
  '*.maven.apache.org',
  '*.gradle.org',
  // Ruby and PHP
  'rubygems.org',
  '*.rubygems.org',
  'packagist.org',
  '*.packagist.org',
  // apt
  '*.debian.org',
  '*.ubuntu.com',
  '*.launchpadcontent.net',
  // Containers
  '*.docker.io',
  '*.docker.com',
  'ghcr.io',
];
