// Tells what Node.js could not run of files in TypeScript and of those that they import, as JSON: null, or file, line and reason. Node.js takes
// types off and compiles nothing, and finds files by their whole names alone.
import { readFileSync, statSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { dirname, relative, resolve } from 'node:path'

const root = resolve(process.argv[2])
const seen = new Set()
const isFile = name => statSync(name, { throwIfNoEntry: false })?.isFile() ?? false
// What a file imports and requires at the beginning of a line, where no comment is.
const imports = /^[ \t]*(?:import[ \t]*|(?:import|export)\b[^'"`;()=]*\bfrom\s*)['"](\.{1,2}\/[^'"\n]+)['"]/gm
const requires = /^(?![ \t]*(?:\/\/|\*)).*?\brequire\(\s*['"](\.{1,2}\/[^'"\n]+)['"]\)/gm
const comments = /^[ \t]*\/\*[\s\S]*?\*\//gm

// check returns what is wrong with a file, or with one that it imports, null for nothing.
function check(file) {
  if (seen.has(file) || !/\.[cm]?ts$/.test(file) || !(file + '/').startsWith(root + '/')) return null
  seen.add(file)
  const fault = (line, reason) => ({ file: relative(root, file), line, reason })
  const text = readFileSync(file, 'utf8')
  let code
  try {
    code = stripTypeScriptTypes(text, { mode: 'strip', sourceUrl: 'file' })
  } catch (error) {
    return fault(Number(/^file:(\d+)/.exec(error.stack)?.[1] ?? 1), error.message.replace(' is not supported in strip-only mode', ''))
  }
  code = code.replace(comments, text => text.replace(/[^\n]/g, ' '))
  for (const kind of [imports, requires]) {
    for (const { 0: statement, 1: name, index } of code.matchAll(kind)) {
      const found = resolve(dirname(file), name)
      const source = [found, ...['.ts', '.mts', '.cts'].map(end => found + end), found.replace(/js$/, 'ts'), found + '/index.ts'].find(isFile)
      if (source && source !== found && kind === imports) {
        const line = code.slice(0, index + statement.length).split('\n').length
        return fault(line, `it imports ${name}, which is ${relative(dirname(file), source)}`)
      }
      const inner = source && check(source)
      if (inner) return inner
    }
  }
  return null
}

let first = null
for (const file of process.argv.slice(3)) first ??= check(resolve(root, file))
console.log(JSON.stringify(first))
