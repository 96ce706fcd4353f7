
// Listens at PORT for a module that answers requests and listens to none (its export fetch, of the web's standards), and serves the files of
// the browser.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(assets)
const answer = typeof handler === 'function' ? handler : handler.fetch.bind(handler)
const types = {
  css: 'text/css; charset=utf-8', gif: 'image/gif', html: 'text/html; charset=utf-8', ico: 'image/x-icon', jpeg: 'image/jpeg',
  jpg: 'image/jpeg', avif: 'image/avif', js: 'text/javascript; charset=utf-8', json: 'application/json', map: 'application/json',
  mjs: 'text/javascript; charset=utf-8', mp4: 'video/mp4', otf: 'font/otf', pdf: 'application/pdf', png: 'image/png', svg: 'image/svg+xml',
  ttf: 'font/ttf', txt: 'text/plain; charset=utf-8', wasm: 'application/wasm', webm: 'video/webm', webmanifest: 'application/manifest+json',
  webp: 'image/webp', woff: 'font/woff', woff2: 'font/woff2', xml: 'application/xml',
}

// file returns the file of the browser that a path means, null if there is none. Names that begin with a dot are hidden.
async function file(path) {
  let name
  try {
    name = decodeURIComponent(path)
  } catch {
    return null
  }
  if (name.includes('\0') || name.includes('/.') || name.includes('\\')) return null
  const found = join(root, name)
  if (!found.startsWith(root.endsWith(sep) ? root : root + sep)) return null
  const about = await stat(found).catch(() => null)
  return about?.isFile() ? { found, size: about.size } : null
}

// serve sends a file. Names in assets have a hash of their content.
async function serve(path, { found, size }, request, response) {
  response.setHeader('content-type', types[extname(found).slice(1).toLowerCase()] ?? 'application/octet-stream')
  response.setHeader('content-length', size)
  response.setHeader('cache-control', path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (request.method === 'HEAD') return response.end()
  await pipeline(createReadStream(found), response)
}

// handle has the module answer.
async function handle(url, request, response) {
  const headers = new Headers()
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.append(request.rawHeaders[i], request.rawHeaders[i + 1])
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const body = request.method === 'GET' || request.method === 'HEAD' ? undefined : Readable.toWeb(request)
  const got = await answer(new Request(url, { method: request.method, headers, body, duplex: 'half', redirect: 'manual', signal: gone.signal }))
  response.statusCode = got.status
  if (got.statusText) response.statusMessage = got.statusText
  for (const [name, value] of got.headers) if (name !== 'set-cookie') response.setHeader(name, value)
  const cookies = got.headers.getSetCookie()
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  if (!got.body || request.method === 'HEAD') return response.end()
  await pipeline(Readable.fromWeb(got.body), response)
}

const server = createServer(async (request, response) => {
  try {
    const origin = request.url.startsWith('/') ? `http://${request.headers.host ?? 'localhost'}` : ''
    const url = new URL(origin + request.url)
    const asset = request.method === 'GET' || request.method === 'HEAD' ? await file(url.pathname) : null
    await (asset ? serve(url.pathname, asset, request, response) : handle(url, request, response))
  } catch (error) {
    if (response.destroyed) return // whoever asked is gone
    console.error(error)
    if (response.headersSent) return response.destroy()
    response.statusCode = 500
    response.end()
  }
})
server.listen(process.env.PORT ?? 3000, () => console.log(`Listening on port ${server.address().port}`))
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    server.close(() => process.exit(0))
    server.closeIdleConnections()
  })
}
