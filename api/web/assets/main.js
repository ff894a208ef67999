import { initAll } from './govuk-frontend.min.js'

initAll()

// What htmx puts into the page has components too.
document.addEventListener('htmx:after:process', ({ target }) => {
  if (target instanceof Element && target !== document.body) initAll({ scope: target })
})
