// Runs before the first paint, so that a page in dark mode never flashes white.
;(function () {
  try {
    var choice = localStorage.getItem('muxi.theme')
    if (choice === 'light' || choice === 'dark') document.documentElement.dataset.theme = choice
  } catch (error) {
    // Storage may be forbidden; the theme of the system then holds.
  }
})()
