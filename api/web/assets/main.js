import { initAll } from './govuk-frontend.min.js'
import { startReview } from './review.js'

initAll()
startReview()

// Named by what people see on it; its label would hide that, and goes with the field that it fills.
for (const button of document.querySelectorAll('.govuk-file-upload-button')) {
  button.removeAttribute('aria-labelledby')
  for (const comma of button.querySelectorAll('.govuk-visually-hidden')) comma.textContent = ' '
  for (const label of button.labels) label.htmlFor = `${button.id}-input`
}

// What htmx puts into the page has components too.
document.addEventListener('htmx:after:process', ({ target }) => {
  if (target instanceof Element && target !== document.body) initAll({ scope: target })
})
