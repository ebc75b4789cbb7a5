"""Say why operators have no formula."""

from __future__ import annotations

from model_complexity.worker.count.registry import uncounted

_SOLVERS = """
    cholesky cholesky_inverse cholesky_solve _cholesky_solve_helper geqrf inverse linalg_cholesky linalg_cholesky_ex
    linalg_cond linalg_det _linalg_det linalg_eig linalg_eigh _linalg_eigh linalg_eigvals _linalg_eigvals
    linalg_eigvalsh linalg_householder_product linalg_inv linalg_inv_ex linalg_ldl_factor linalg_ldl_factor_ex
    linalg_ldl_solve linalg_lstsq linalg_lu linalg_lu_factor linalg_lu_factor_ex linalg_lu_solve linalg_matrix_exp
    linalg_matrix_norm linalg_matrix_power linalg_matrix_rank linalg_pinv linalg_qr linalg_slogdet _linalg_slogdet linalg_solve
    linalg_solve_ex _linalg_solve_ex linalg_solve_triangular linalg_svd _linalg_svd linalg_svdvals linalg_tensorinv
    linalg_tensorsolve logdet lu_solve lu_unpack _lu_with_info matrix_exp nuclear_norm orgqr ormqr pinverse qr slogdet _spsolve
    svd triangular_solve det
"""
_BOXES = ("nms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "_roi_align_backward", "_roi_pool_backward")

uncounted("a solver or decomposition", *(f"aten::{name}" for name in _SOLVERS.split()))
uncounted("its work depends on the boxes", *(f"torchvision::{name}" for name in _BOXES))
