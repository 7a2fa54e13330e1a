// In words of 2009, for every browser: colours before anything is drawn, and a word to those that are too old.
// biome-ignore lint/complexity/useArrowFunction: an old browser has to understand this file.
;(function () {
  var root = document.documentElement
  var theme = null
  try {
    theme = JSON.parse(localStorage.getItem('yizhan.preference.theme'))
  } catch (_refused) {
    theme = null
  }
  var query = '(prefers-color-scheme: dark)'
  var dark = theme === 'dark'
  if (theme !== 'light' && window.matchMedia && window.matchMedia(query).matches) dark = true
  root.setAttribute('data-theme', dark ? 'dark' : 'light')

  function able() {
    try {
      return (
        'noModule' in document.createElement('script') &&
        typeof HTMLDialogElement === 'function' &&
        'findLastIndex' in Array.prototype &&
        new RegExp('(?<=' + 'a)b').test('ab')
      )
    } catch (_tooOld) {
      return false
    }
  }
  if (able()) return
  // biome-ignore lint/complexity/useArrowFunction: as above.
  document.addEventListener('DOMContentLoaded', function () {
    document.getElementById('too-old').removeAttribute('hidden')
  })
})()
