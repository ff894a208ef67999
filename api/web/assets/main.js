import { initAll } from './govuk-frontend.min.js'
import { startReview } from './review.js'

initAll()
startReview()

// What htmx puts into the page has components too.
document.addEventListener('htmx:after:process', ({ target }) => {
  if (target instanceof Element && target !== document.body) initAll({ scope: target })
})
