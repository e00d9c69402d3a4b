"""BibTeX entries of this project and of the methods and data of a model."""

from collections.abc import Iterable

_ENTRIES: dict[str, tuple[str, dict[str, str]]] = {}


def _paper(key: str, author: str, title: str, venue: str, year: int, kind: str = "inproceedings"):
    field = {"inproceedings": "booktitle", "article": "journal", "misc": "howpublished"}[kind]
    fields = {"author": author, "title": f"{{{title}}}", field: venue, "year": str(year)}
    _ENTRIES[key] = (kind, fields)


_ENTRIES["hybrid_mtl"] = (
    "software",
    {
        "title": "hybrid-mtl: one sentence encoder trained for several sentence tasks",
        "license": "Apache-2.0",
    },
)
# Only the certain fields; styles that sort by author use the key.
_ENTRIES["hybrid_bert"] = (
    "misc",
    {
        "key": "Hybrid Multitask Learning",
        "title": "{Hybrid Multitask Learning with BERT}",
        "note": "The paper whose method hybrid-mtl follows",
    },
)

_NEURIPS = "Advances in Neural Information Processing Systems"
_ICLR = "International Conference on Learning Representations"
_ICML = "International Conference on Machine Learning"
_CVPR = "Conference on Computer Vision and Pattern Recognition"

# Encoders.
_paper(
    "bert",
    "Devlin, Jacob and Chang, Ming-Wei and Lee, Kenton and Toutanova, Kristina",
    "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
    "NAACL-HLT",
    2019,
)
_paper(
    "roberta",
    "Liu, Yinhan and Ott, Myle and Goyal, Naman and Du, Jingfei and Joshi, Mandar and Chen, Danqi "
    "and Levy, Omer and Lewis, Mike and Zettlemoyer, Luke and Stoyanov, Veselin",
    "RoBERTa: A Robustly Optimized BERT Pretraining Approach",
    "arXiv:1907.11692",
    2019,
    "misc",
)
_paper(
    "distilbert",
    "Sanh, Victor and Debut, Lysandre and Chaumond, Julien and Wolf, Thomas",
    "DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter",
    "arXiv:1910.01108",
    2019,
    "misc",
)
_paper(
    "minilm",
    "Wang, Wenhui and Wei, Furu and Dong, Li and Bao, Hangbo and Yang, Nan and Zhou, Ming",
    "MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression of Pre-Trained "
    "Transformers",
    _NEURIPS,
    2020,
)
_paper(
    "sbert",
    "Reimers, Nils and Gurevych, Iryna",
    "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks",
    "EMNLP-IJCNLP",
    2019,
)
# Aggregators for conflicting gradients.
_paper(
    "pcgrad",
    "Yu, Tianhe and Kumar, Saurabh and Gupta, Abhishek and Levine, Sergey and Hausman, Karol and "
    "Finn, Chelsea",
    "Gradient Surgery for Multi-Task Learning",
    _NEURIPS,
    2020,
)
_paper(
    "mtrec",
    "Bi, Qiwei and Li, Jian and Shang, Lifeng and Jiang, Xin and Liu, Qun and Yang, Hanfang",
    "MTRec: Multi-Task Learning over BERT for News Recommendation",
    "Findings of the Association for Computational Linguistics: ACL 2022",
    2022,
)
_paper(
    "mgda",
    "D{\\'e}sid{\\'e}ri, Jean-Antoine",
    "Multiple-gradient descent algorithm (MGDA) for multiobjective optimization",
    "Comptes Rendus Math{\\'e}matique",
    2012,
    "article",
)
_paper(
    "aligned_mtl",
    "Senushkin, Dmitry and Patakin, Nikolay and Kuznetsov, Arseny and Konushin, Anton",
    "Independent Component Alignment for Multi-Task Learning",
    _CVPR,
    2023,
)
_paper(
    "imtl_g",
    "Liu, Liyang and Li, Yi and Kuang, Zhanghui and Xue, Jing-Hao and Chen, Yimin and "
    "Yang, Wenming and Liao, Qingmin and Zhang, Wayne",
    "Towards Impartial Multi-task Learning",
    _ICLR,
    2021,
)
_paper(
    "gradvac",
    "Wang, Zirui and Tsvetkov, Yulia and Firat, Orhan and Cao, Yuan",
    "Gradient Vaccine: Investigating and Improving Multi-task Optimization in Massively "
    "Multilingual Models",
    _ICLR,
    2021,
)
_paper(
    "graddrop",
    "Chen, Zhao and Ngiam, Jiquan and Huang, Yanping and Luong, Thang and Kretzschmar, Henrik and "
    "Chai, Yuning and Anguelov, Dragomir",
    "Just Pick a Sign: Optimizing Deep Multitask Models with Gradient Sign Dropout",
    _NEURIPS,
    2020,
)
_paper(
    "fairgrad",
    "Ban, Hao and Ji, Kaiyi",
    "Fair Resource Allocation in Multi-Task Learning",
    _ICML,
    2024,
)
_paper(
    "random",
    "Lin, Baijiong and Ye, Feiyang and Zhang, Yu and Tsang, Ivor W.",
    "Reasonable Effectiveness of Random Weighting: A Litmus Test for Multi-Task Learning",
    "Transactions on Machine Learning Research",
    2022,
    "article",
)
_paper(
    "upgrad",
    "Quinton, Pierre and Rey, Val{\\'e}rian",
    "Jacobian Descent for Multi-Objective Optimization",
    "arXiv:2406.16232",
    2024,
    "misc",
)
_paper(
    "dualproj",
    "Lopez-Paz, David and Ranzato, Marc'Aurelio",
    "Gradient Episodic Memory for Continual Learning",
    _NEURIPS,
    2017,
)
_paper(
    "cagrad",
    "Liu, Bo and Liu, Xingchao and Jin, Xiaojie and Stone, Peter and Liu, Qiang",
    "Conflict-Averse Gradient Descent for Multi-task Learning",
    _NEURIPS,
    2021,
)
_paper(
    "nash_mtl",
    "Navon, Aviv and Shamsian, Aviv and Achituve, Idan and Maron, Haggai and Kawaguchi, Kenji and "
    "Chechik, Gal and Fetaya, Ethan",
    "Multi-Task Learning as a Bargaining Game",
    _ICML,
    2022,
)
# Other methods of training.
_paper(
    "smart",
    "Jiang, Haoming and He, Pengcheng and Chen, Weizhu and Liu, Xiaodong and Gao, Jianfeng and "
    "Zhao, Tuo",
    "SMART: Robust and Efficient Fine-Tuning for Pre-trained Natural Language Models through "
    "Principled Regularized Optimization",
    "ACL",
    2020,
)
_paper(
    "rdrop",
    "Liang, Xiaobo and Wu, Lijun and Li, Juntao and Wang, Yue and Meng, Qi and Qin, Tao and "
    "Chen, Wei and Zhang, Min and Liu, Tie-Yan",
    "R-Drop: Regularized Dropout for Neural Networks",
    _NEURIPS,
    2021,
)
_paper(
    "uncertainty",
    "Kendall, Alex and Gal, Yarin and Cipolla, Roberto",
    "Multi-Task Learning Using Uncertainty to Weigh Losses for Scene Geometry and Semantics",
    _CVPR,
    2018,
)
_paper(
    "lora",
    "Hu, Edward J. and Shen, Yelong and Wallis, Phillip and Allen-Zhu, Zeyuan and Li, Yuanzhi and "
    "Wang, Shean and Wang, Lu and Chen, Weizhu",
    "LoRA: Low-Rank Adaptation of Large Language Models",
    _ICLR,
    2022,
)
_paper(
    "annealed",
    "Stickland, Asa Cooper and Murray, Iain",
    "BERT and PALs: Projected Attention Layers for Efficient Adaptation in Multi-Task Learning",
    _ICML,
    2019,
)
_paper(
    "cyclic",
    "Smith, Leslie N.",
    "Cyclical Learning Rates for Training Neural Networks",
    "Winter Conference on Applications of Computer Vision",
    2017,
)
_paper(
    "eda",
    "Wei, Jason and Zou, Kai",
    "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text Classification Tasks",
    "EMNLP-IJCNLP",
    2019,
)
_paper(
    "back_translation",
    "Xie, Qizhe and Dai, Zihang and Hovy, Eduard and Luong, Minh-Thang and Le, Quoc V.",
    "Unsupervised Data Augmentation for Consistency Training",
    _NEURIPS,
    2020,
)
# Data.
_paper(
    "sst5",
    "Socher, Richard and Perelygin, Alex and Wu, Jean and Chuang, Jason and "
    "Manning, Christopher D. and Ng, Andrew and Potts, Christopher",
    "Recursive Deep Models for Semantic Compositionality Over a Sentiment Treebank",
    "EMNLP",
    2013,
)
_paper(
    "glue",
    "Wang, Alex and Singh, Amanpreet and Michael, Julian and Hill, Felix and Levy, Omer and "
    "Bowman, Samuel R.",
    "GLUE: A Multi-Task Benchmark and Analysis Platform for Natural Language Understanding",
    _ICLR,
    2019,
)
_paper(
    "stsb",
    "Cer, Daniel and Diab, Mona and Agirre, Eneko and Lopez-Gazpio, I{\\~n}igo and Specia, Lucia",
    "SemEval-2017 Task 1: Semantic Textual Similarity Multilingual and Crosslingual Focused "
    "Evaluation",
    "SemEval",
    2017,
)

# The entries of every model.
ALWAYS = ("hybrid_mtl", "hybrid_bert")
KNOWN = frozenset(_ENTRIES)


def bibtex(keys: Iterable[str], version: str | None = None) -> str:
    """Return the entries of the project and of the given keys, skipping keys without an entry.

    Args:
        keys: keys of `KNOWN`.
        version: the project's version, if recorded.
    """
    selected = dict.fromkeys([*ALWAYS, *(key for key in keys if key in KNOWN)])
    return "\n\n".join(_entry(key, version) for key in selected)


def _entry(key: str, version: str | None) -> str:
    kind, fields = _ENTRIES[key]
    if key == "hybrid_mtl" and version is not None:
        fields = fields | {"version": version}
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items()]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"
