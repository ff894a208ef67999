// Single keys that decide a pair, and how long it is still the reviewer's.

const WARNINGS = [300, 120, 60]

export function startReview() {
  document.addEventListener('keydown', press)
  const lease = document.querySelector('[data-lease-until]')
  if (lease) watch(lease)
}

function press(event) {
  if (document.body.dataset.shortcuts !== 'on' || event.repeat) return
  if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return
  const button = [...document.querySelectorAll('[data-key]')].find(
    (one) => one.dataset.key === event.key.toLowerCase()
  )
  if (!button) return
  event.preventDefault()
  const needed = button.dataset.needs && document.getElementById(button.dataset.needs)
  if (needed && !needed.value.trim()) needed.focus()
  else button.click()
}

function isTyping(target) {
  return target instanceof Element && target.closest('input, textarea, select, [contenteditable]')
}

// Says only what has changed, so that a screen reader is not interrupted every second.
function watch(lease) {
  const until = performance.now() + 1000 * Number(lease.dataset.leaseUntil)
  let told = null
  const tell = () => {
    const left = (until - performance.now()) / 1000
    const now = left <= 0 ? 0 : WARNINGS.filter((warning) => left <= warning).pop()
    if (now === undefined || now === told) return
    told = now
    lease.textContent = now === 0 ? lease.dataset.over : lease.dataset.left.replace('{}', words(now))
  }
  tell()
  setInterval(tell, 1000)
}

function words(seconds) {
  const minutes = Math.round(seconds / 60)
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}
