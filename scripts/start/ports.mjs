// Ports that `npm start` wants to have.
import { createServer } from 'node:net'

/** Undefined if the port can be had, else the code of the error that says why not. */
function portProblem(host, port) {
  return new Promise((done) => {
    const probe = createServer()
    probe.once('error', (error) => done(error.code))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => done(undefined)))
  })
}

/** One line for each port that cannot be had, with the option that changes it. */
export async function portProblems(host, ports, words) {
  const problems = []
  for (const [name, port] of Object.entries(ports)) {
    const why = port === 0 ? undefined : await portProblem(host, port)
    if (why) problems.push(words.portTaken(port, why, `--${name}-port`))
  }
  return problems
}
