import { basename, resolve } from 'node:path'
import { type CliIo, YizhanError } from '@yizhan/kernel'
import type { Command } from 'commander'
import type { InitLanguage } from '../../tenants/index.js'
import { tenantId } from '../arguments.js'
import { withExamples } from '../examples.js'
import { refuseUsed, writeFiles } from './new-directory.js'

/** `tenant init DIR`: a small directory to begin with. */
export function addInit(tenant: Command, io: CliIo): void {
  const init = tenant
    .command('init <dir>')
    .description(
      io.say({
        en: 'write a small tenant directory to begin with; it passes its own tests',
        zh: '生成一个可直接使用的小租户目录，自带测试',
      }),
    )
    .option(
      '--tenant <id>',
      io.say({ en: 'id of the tenant; default: the name of the directory', zh: '租户 id；默认取目录名' }),
    )
    .option(
      '--languages <list>',
      io.say({ en: 'zh, en or both, the default one first', zh: 'zh、en 或二者，默认语言在前' }),
    )
    .action(async (dir: string, options: { tenant?: string; languages?: string }) => {
      const { newDirectory } = await import('../../tenants/index.js')
      const id = tenantId(io, NAME_ONE)(options.tenant ?? basename(resolve(dir)))
      const languages = await languagesOf(io, options.languages)
      await refuseUsed(io, dir, false, io.say(ANOTHER))
      const files = newDirectory({ tenant: id, languages })
      await writeFiles(dir, files)
      const shown = [...files.keys()].filter((path) => !path.startsWith('.'))
      if (io.wantsJson) return io.json({ tenant: id, languages, directory: dir, files: shown })
      for (const path of shown) io.out(path)
      io.err(
        io.say({
          en: `next: yizhan-center tenant apply -f ${dir} --watch, and open the chat page beside it`,
          zh: `下一步：yizhan-center tenant apply -f ${dir} --watch，并打开聊天页面`,
        }),
      )
    })
  withExamples(init, io, 'tenant init ./desk', 'tenant init ./desk --tenant front-desk --languages zh')
}

const NAME_ONE = { en: 'name one with --tenant', zh: '用 --tenant 指定' }
const ANOTHER = { en: 'name a new or an empty directory', zh: '请指定新目录或空目录' }

/** Without a word about it both, that of the reader first. */
async function languagesOf(io: CliIo, given: string | undefined): Promise<readonly InitLanguage[]> {
  const { INIT_LANGUAGES } = await import('../../tenants/index.js')
  if (given === undefined) return io.lang === 'zh' ? ['zh', 'en'] : ['en', 'zh']
  const named = [...new Set(given.split(',').map((tag) => tag.trim()))]
  const known = named.flatMap((tag) => INIT_LANGUAGES.find((one) => one === tag) ?? [])
  if (known.length === named.length) return known
  throw new YizhanError(
    'invalid_argument',
    io.say({
      en: `--languages: init writes ${INIT_LANGUAGES.join(' and ')}; add others in tenant.yaml`,
      zh: `--languages：init 只写 ${INIT_LANGUAGES.join(' 和 ')}；其他语言请在 tenant.yaml 中添加`,
    }),
  )
}
