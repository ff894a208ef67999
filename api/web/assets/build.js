// Makes ../static from what is here: `npm run build`.

import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { compile } from 'sass'

const built = new URL('../static/', import.meta.url)
const packages = new URL('node_modules/', import.meta.url)

const copied = {
  'start.js': 'start.js',
  'main.js': 'main.js',
  'review.js': 'review.js',
  'icon.svg': 'icon.svg',
  'node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.js': 'govuk-frontend.min.js',
  'node_modules/htmx.org/dist/htmx.min.js': 'htmx.min.js'
}

// In place, so that a service that runs from here is never without them.
mkdirSync(built, { recursive: true })
for (const name of readdirSync(built)) {
  if (name !== 'main.css' && !Object.values(copied).includes(name)) rmSync(new URL(name, built))
}
for (const [from, to] of Object.entries(copied)) {
  copyFileSync(new URL(from, import.meta.url), new URL(to, built))
}

// Last, because make takes its age for that of all.
const styles = compile(new URL('main.scss', import.meta.url).pathname, {
  loadPaths: [packages.pathname],
  quietDeps: true,
  style: 'compressed'
})
writeFileSync(new URL('main.css', built), styles.css)
