// The tenants of `npm start`: read before anything starts, applied when the center is there, served before it is ready.

/** The tenant directories as the API takes them; rejects with what is wrong with one. */
export async function readTenants(dirs, readTenantDirectory) {
  const tenants = []
  for (const dir of dirs) {
    const read = await readTenantDirectory(dir)
    const files = [...read].map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')])
    tenants.push({ dir, files: Object.fromEntries(files) })
  }
  return tenants
}

/** Applies them one after the other; resolves with {tenant, digest} of each. */
export async function applyTenants(tenants, { api, lang }) {
  const applied = []
  for (const { dir, files } of tenants) {
    try {
      applied.push(await api('POST', `/v1/tenants/apply?lang=${lang}`, { files }))
    } catch (thrown) {
      thrown.message = `${dir}: ${thrown.message}`
      throw thrown
    }
  }
  return applied
}
