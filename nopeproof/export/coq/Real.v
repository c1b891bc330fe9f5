(* The reals of Coq's library are such a field: what is proved for every field is true of them. The one file here that
   rests on axioms, those by which that library makes the reals; nothing else uses it. *)

From Coq Require Import Reals RealField Lra.
From Nopeproof Require Import Model.
Open Scope R_scope.

Definition reals : field.
Proof.
  refine {| number := R; zero := 0; one := 1; add := Rplus; mul := Rmult; sub := Rminus; opp := Ropp; div := Rdiv; inv := Rinv;
            is_field := Rfield; le := Rle; exp := Rtrigo_def.exp; ln := Rpower.ln; sqrt := R_sqrt.sqrt; relu := Rmax 0 |}.
  - intros x y. apply Rle_antisym.
  - intros x y z. apply Rle_trans.
  - intros x y. lra.
  - intros x y z H. lra.
  - intros x y. apply Rmult_le_pos.
  - apply exp_plus.
  - intro x. pose proof (exp_pos x). lra.
  - intros x H N. apply Rpower.exp_ln. lra.
  - intros x H. now apply sqrt_sqrt.
  - intros x H. now apply Rmax_right.
  - intros x H. now apply Rmax_left.
Defined.
