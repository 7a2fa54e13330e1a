import { onLanguage, words } from './words.js'

const dialog = document.getElementById('signin')
const form = document.getElementById('login')

/** Asks who somebody is; `onLogin({username, password, tenant, user})` gets each attempt. */
export class SignIn {
  #tried = false

  constructor(onLogin) {
    // There is nothing to see without it.
    dialog.addEventListener('cancel', (event) => event.preventDefault())
    form.addEventListener('submit', () => {
      const data = new FormData(form)
      const username = String(data.get('username'))
      const [tenant, user] = username.split('/')
      this.#tried = true
      onLogin({ username, password: String(data.get('password')), tenant, user })
    })
    onLanguage(() => this.#label())
  }

  ask() {
    this.#label()
    if (!dialog.open) dialog.showModal()
  }

  #label() {
    const [user, password] = form.querySelectorAll('label')
    form.querySelector('h2').textContent = words.signIn
    form.querySelector('button').textContent = words.signIn
    form.querySelector('.wrong').textContent = this.#tried ? words.wrong : ''
    user.textContent = words.username
    password.textContent = words.password
  }
}
