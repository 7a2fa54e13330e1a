import type { CliText } from '@yizhan/kernel'

/** knowledge/expenses.LANG.md of a new directory. */
export const EXPENSES: CliText = {
  en: `# Expense rules

## Hotels
A hotel night is reimbursed up to 120 euro; in capitals up to 160 euro.

## Taxis
A taxi is reimbursed before 7:00, after 21:00, or with luggage.

## Receipts
Hand in receipts within 30 days after the journey. Your manager approves, accounting pays on the 10th.
`,
  zh: `# 报销规定

## 住宿
住宿每晚最多报销 500 元，省会城市最多 650 元。

## 打车
早 7 点前、晚 21 点后或携带行李时，打车可以报销。

## 发票
发票须在出差结束后 30 天内提交。由直属上级审批，财务每月 10 日付款。
`,
}

/** README.md of a new directory; `id` is the tenant's. */
export function readme(id: string): CliText {
  return {
    en: `# ${id}

What this bot knows, as text files made for git. Change something, look, apply:

    yizhan-center tenant check -f .            # every mistake with its line; needs no center
    yizhan-center tenant test -f . --say "…"   # what becomes of a sentence
    yizhan-center tenant apply -f . --wait     # check, train, test, put in force
    yizhan-center tenant apply -f . --watch    # the same on every save

| file | |
|---|---|
| tenant.yaml | name, languages, greeting |
| intents/*.yaml | questions and what answers them |
| cards/*.yaml | answers with buttons |
| knowledge.yaml, knowledge/ | documents that the center answers from |
| tests/*.yaml | sentences that must stay understood: one that fails changes nothing |
| .schemas/ | completion and checks for editors; \`tenant schema -o .schemas\` renews them |

Nothing is deleted by leaving it out; \`--prune\` deletes.
`,
    zh: `# ${id}

机器人所知道的一切，都是便于用 git 管理的文本文件。修改、查看、生效：

    yizhan-center tenant check -f .            # 指出每个错误所在的行；无需运行中心
    yizhan-center tenant test -f . --say "…"   # 试一句话
    yizhan-center tenant apply -f . --wait     # 检查、训练、测试并生效
    yizhan-center tenant apply -f . --watch    # 每次保存后自动执行

| 文件 | |
|---|---|
| tenant.yaml | 名称、语言、欢迎语 |
| intents/*.yaml | 问句及其回复 |
| cards/*.yaml | 带按钮的回复 |
| knowledge.yaml、knowledge/ | 中心用来回答的文档 |
| tests/*.yaml | 必须一直被听懂的话：有一条不过就不作任何改动 |
| .schemas/ | 供编辑器补全和检查；用 \`tenant schema -o .schemas\` 更新 |

从目录中去掉的内容不会被删除，加 \`--prune\` 才会删除。
`,
  }
}
