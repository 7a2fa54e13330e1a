// What can be broken on purpose: the link between the branches and the center, and the center itself.
const LOOK_MS = 1_500

const query = `link=ready&timeoutMs=${LOOK_MS}`

/** An answer in time says that it is linked; else it is asked again. */
async function away(error) {
  if (error.code === 'deadline_exceeded') return { link: { state: 'down' } }
  throw error
}

/** The switches behind the keys of `npm start` and the demo socket. */
export function createDemo({ proxy, center, words, say, edgeApi }) {
  let link = 'up'
  let edgeStates = []
  let watching

  /** Says when every edge is linked again; a later change begins anew. */
  async function tellWhenLinked() {
    watching?.abort()
    if (link === 'cut' || edgeStates.length === 0) return
    watching = new AbortController()
    const { signal } = watching
    const since = performance.now()
    // Asked again and again, each time briefly: a stopping edge lets its last question run out.
    const linked = async (state) => {
      while (!signal.aborted) {
        const { link: seen } = await edgeApi(state, `/v1/status?${query}`, 10 * LOOK_MS, signal).catch(away)
        if (seen.state === 'ready') return
      }
      signal.throwIfAborted()
    }
    try {
      await Promise.all(edgeStates.map(linked))
      say(words.linked(edgeStates.length, ((performance.now() - since) / 1000).toFixed(1)))
    } catch {
      // Another change came, or an edge is away: that is told elsewhere.
    }
  }

  const centerState = () => {
    const state = center.state()
    return state === 'running' || state === 'starting' ? state : 'stopped'
  }
  const state = () => ({ link, center: centerState() })
  return {
    state,
    line: () => words.status(words.link[link], words.center[centerState()], edgeStates.length),
    /** From now on these edges are waited for when the link comes back. */
    setEdges(states) {
      edgeStates = states
    },
    setLink(wanted) {
      if (wanted !== link) {
        link = wanted
        if (link === 'cut') proxy.cut()
        else proxy.restore()
        say(link === 'cut' ? words.cut : words.restored)
        void tellWhenLinked()
      }
      return state()
    },
    /** `killed`: kill -9, and it starts again after 5 s. `running`: at once. */
    setCenter(wanted) {
      if (wanted === 'killed') center.kill()
      else center.startNow()
      return state()
    },
    centerIsBack: () => void tellWhenLinked(),
    stop: () => watching?.abort(),
  }
}

/** GET /demo, POST /demo/link, POST /demo/center: for the chat page, through the edge. */
export function demoRoutes(app, demo) {
  const body = (...states) => ({
    schema: {
      body: {
        type: 'object',
        required: ['state'],
        additionalProperties: false,
        properties: { state: { enum: states } },
      },
    },
  })
  app.get('/demo', async () => demo().state())
  app.post('/demo/link', body('up', 'cut'), async (request) => demo().setLink(request.body.state))
  app.post('/demo/center', body('running', 'killed'), async (request) => demo().setCenter(request.body.state))
}
