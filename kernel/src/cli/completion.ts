import { Argument, type Command } from 'commander'
import type { CliIo } from './io.js'

/** Adds `completion bash|zsh|fish`: a script made from the commands as they are. */
export function addCompletion(program: Command, io: CliIo): void {
  program
    .command('completion')
    .description(io.say({ en: 'print a completion script for a shell', zh: '输出命令行补全脚本' }))
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action((shell: string) =>
      io.out(completionScript(program, shell === 'fish' ? 'fish' : shell === 'zsh' ? 'zsh' : 'bash')),
    )
}

interface CommandWords {
  /** The commands on the way, such as `config show`; empty for the program. */
  readonly path: string
  readonly words: readonly string[]
}

function listWords(command: Command, path: string, globals: readonly string[]): CommandWords[] {
  const children = command.commands.filter((child) => !child.name().startsWith('_'))
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? [])
  const options = command.options.filter((option) => !option.hidden).flatMap((option) => option.long ?? [])
  const words = [...new Set([...children.map((child) => child.name()), ...choices, ...options, ...globals])]
  const below = children.flatMap((child) => listWords(child, `${path} ${child.name()}`.trim(), globals))
  return [{ path, words }, ...below]
}

/** A script that offers the words that may follow what is typed; names hold only letters that no shell interprets. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const name = program.name()
  const globals = ['--help', ...program.options.flatMap((option) => option.long ?? [])]
  const lists = listWords(program, '', globals)
  return shell === 'fish' ? fishScript(name, lists) : bashScript(name, lists, shell)
}

function bashScript(name: string, lists: readonly CommandWords[], shell: 'bash' | 'zsh'): string {
  const fn = `_${name.replace(/\W/g, '_')}`
  const known = lists.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`)
  return [
    ...(shell === 'zsh' ? ['autoload -U +X bashcompinit && bashcompinit'] : []),
    `${fn}() {`,
    '  local word path="" next words=""',
    '  for word in "$' + '{COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    next="$' + '{path:+$path }$word"',
    `    case "$next" in ${known.join('|')}) path="$next" ;; esac`,
    '  done',
    '  case "$path" in',
    ...lists.map(({ path, words }) => `    "${path}") words="${words.join(' ')}" ;;`),
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$' + '{COMP_WORDS[COMP_CWORD]}"))',
    '}',
    `complete -o default -F ${fn} ${name}`,
  ].join('\n')
}

function fishScript(name: string, lists: readonly CommandWords[]): string {
  const fn = `__${name.replace(/\W/g, '_')}_path`
  const known = lists.filter(({ path }) => path !== '').map(({ path }) => `"${path}"`)
  return [
    `function ${fn}`,
    '  set -l path',
    '  for word in (commandline -opc)[2..-1]',
    '    set -l next (string trim "$path $word")',
    `    contains -- "$next" ${known.join(' ')}; and set path "$next"`,
    '  end',
    '  echo "$path"',
    'end',
    ...lists.map(
      ({ path, words }) => `complete -c ${name} -f -n 'test "$(${fn})" = "${path}"' -a '${words.join(' ')}'`,
    ),
  ].join('\n')
}
