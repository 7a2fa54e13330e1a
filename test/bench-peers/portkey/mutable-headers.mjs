// As it is published, the gateway ends every streamed answer with "TypeError: immutable": its web server puts the headers of
// a fetched response, which cannot be changed, into the one that it answers with, and changes them. Here they can be.
const { fetch: original, Response } = globalThis
globalThis.fetch = async (...given) => {
  const response = await original(...given)
  return new Response(response.body, response)
}
